/**
 * A bill of materials of an image, in CycloneDX 1.5. What is in it decides the image, which tells its own
 * contents (scripts/image/contents.mjs); what is said of each npm package (licence, checksum, what it needs)
 * is `npm sbom`'s, by the lock file. A package on the image's disk that the lock file does not have ends
 * this: then it came from somewhere else.
 */
import { z } from 'zod';

export const contentsSchema = z.object({
  node: z.string(),
  /** Libraries that are built into Node. */
  nodeParts: z.record(z.string(), z.string()),
  /** `name@version`. */
  npm: z.array(z.string()).min(1),
  debian: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      architecture: z.string(),
      source: z.string().optional(),
    }),
  ),
  system: z.object({ ID: z.string(), VERSION_ID: z.string().default('') }),
  programs: z.array(z.object({ name: z.string(), version: z.string().optional() })),
});
export type Contents = z.infer<typeof contentsSchema>;

const componentSchema = z.looseObject({
  'bom-ref': z.string(),
  type: z.string(),
  name: z.string(),
  version: z.string(),
  purl: z.string(),
});
export type Component = z.infer<typeof componentSchema>;

/** What of `npm sbom`'s answer is used. */
export const npmSbomSchema = z.looseObject({
  specVersion: z.string(),
  serialNumber: z.string(),
  metadata: z.looseObject({ timestamp: z.string(), component: z.looseObject({}) }),
  components: z.array(componentSchema),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
});
export type NpmSbom = z.infer<typeof npmSbomSchema>;

/** Numbers of interfaces among Node's versions, not parts that it is built of. */
const noParts = ['modules', 'napi', 'unicode', 'tz'];
/** Where a program that is not ours is published. */
const programPurls: Record<string, string> = {
  'nats-server': 'pkg:golang/github.com/nats-io/nats-server/v2',
};

/** `image`: its name and tag. */
export function sbomOf(image: string, contents: Contents, npm: NpmSbom): NpmSbom & { bomFormat: string } {
  const known = new Map(npm.components.map((component) => [component['bom-ref'], component]));
  const strange = contents.npm.filter((name) => !known.has(name));
  if (strange.length > 0)
    throw new Error(`${image} holds what the lock file does not: ${strange.join(', ')}`);
  const held = contents.npm.map((name) => known.get(name) as Component);
  const components = [nodeOf(contents), ...systemOf(contents), ...programsOf(contents), ...held];
  const refs = new Set(components.map((component) => component['bom-ref']));
  const [name = '', version = ''] = image.split(':');
  const self = { 'bom-ref': image, type: 'container', name, version, licenses: licence };
  return {
    ...npm,
    bomFormat: 'CycloneDX',
    metadata: { ...npm.metadata, lifecycles: [{ phase: 'post-build' }], component: self },
    components,
    dependencies: [
      { ref: image, dependsOn: [...refs] },
      ...npm.dependencies
        .filter(({ ref }) => refs.has(ref))
        .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) })),
    ],
  };
}

const licence = [{ license: { id: 'Apache-2.0' } }];

function nodeOf({ node, nodeParts }: Contents): Component {
  const parts = Object.entries(nodeParts).filter(([name, version]) => version && !noParts.includes(name));
  const ref = `node@${node}`;
  return {
    'bom-ref': ref,
    type: 'application',
    name: 'node',
    version: node,
    purl: `pkg:generic/${ref}`,
    components: parts.map(([name, version]) => ({
      'bom-ref': `${ref}/${name}@${version}`,
      type: 'library',
      name,
      version,
      purl: `pkg:generic/${name}@${encodeURIComponent(version)}`,
    })),
  };
}

function systemOf({ debian, system }: Contents): Component[] {
  return debian.map(({ name, version, architecture }) => ({
    'bom-ref': `${system.ID}/${name}@${version}`,
    type: 'library',
    name,
    version,
    purl:
      `pkg:deb/${system.ID}/${name}@${encodeURIComponent(version)}` +
      `?arch=${architecture}&distro=${system.ID}-${system.VERSION_ID}`,
  }));
}

function programsOf({ programs }: Contents): Component[] {
  return programs.map(({ name, version }) => {
    if (version === undefined) throw new Error(`${name} does not say its version`);
    const ref = `${name}@${version}`;
    const purl = `${programPurls[name] ?? `pkg:generic/${name}`}@${programPurls[name] ? 'v' : ''}${version}`;
    return { 'bom-ref': ref, type: 'application', name, version, purl };
  });
}
