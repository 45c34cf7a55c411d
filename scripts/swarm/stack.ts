/**
 * The stack as it is deployed, of the files in compose/. Three things an engine does not do by itself are
 * done here. Configs cannot be changed, so each is named by a digest of its content, and what has changed is
 * a new one. An update of a stack begins with all services at once, and each of the nodes is a service: they
 * are deployed in waves, one after the other. And secrets that are there by the name of an alert's are given
 * to Alertmanager.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

export const stackName = 'driftless';
const digestChars = 8;
export const alertSecretPrefix = 'driftless-alert-';
const alertSecretsDirectory = '/etc/alertmanager/secrets';

const mountSchema = z.looseObject({ source: z.string(), target: z.string().optional() });
const serviceSchema = z.looseObject({
  image: z.string(),
  secrets: z.array(mountSchema).optional(),
  deploy: z.looseObject({ mode: z.string().default('replicated') }).optional(),
});
export const stackSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  configs: z.record(z.string(), z.looseObject({ file: z.string(), name: z.string().optional() })),
  secrets: z.record(z.string(), z.looseObject({ external: z.boolean(), name: z.string() })),
});
export type Stack = z.infer<typeof stackSchema>;

type ReadFile = (path: string) => Buffer;

/** `driftless_nats-1f0c93aa` for the config `nats`. */
export function named(stack: Stack, read: ReadFile = (path) => readFileSync(path)): Stack {
  const configs = Object.entries(stack.configs).map(([key, config]) => {
    const digest = createHash('sha256').update(read(config.file)).digest('hex').slice(0, digestChars);
    return [key, { ...config, name: `${stackName}_${key}-${digest}` }];
  });
  return { ...stack, configs: Object.fromEntries(configs) };
}

/** `names`: of all secrets that the swarm has. */
export function withAlertSecrets(stack: Stack, names: readonly string[]): Stack {
  const { alertmanager } = stack.services;
  const found = names.filter((name) => name.startsWith(alertSecretPrefix));
  if (alertmanager === undefined || found.length === 0) return stack;
  const mounts = found.map((name) => ({
    source: name,
    target: `${alertSecretsDirectory}/${name.slice(alertSecretPrefix.length)}`,
  }));
  const secrets = [...(alertmanager.secrets ?? []), ...mounts];
  return {
    ...stack,
    services: { ...stack.services, alertmanager: { ...alertmanager, secrets } },
    secrets: {
      ...stack.secrets,
      ...Object.fromEntries(found.map((name) => [name, { external: true, name }])),
    },
  };
}

/** What keeps data and has equals: one of them is away at a time. */
const oneByOne = [/^nats-\d+$/, /^node-\d+$/];

/** Services in the order in which an update reaches them: what others rely on comes first. */
export function wavesOf({ services }: Pick<Stack, 'services'>): string[][] {
  const names = Object.keys(services);
  const alone = oneByOne.flatMap((pattern) => names.filter((name) => pattern.test(name)).sort());
  const rest = names.filter((name) => !alone.includes(name));
  const edge = rest.filter((name) => ['gateway', 'load-balancer'].includes(name));
  const others = rest.filter((name) => !edge.includes(name));
  return [others, ...alone.map((name) => [name]), ...edge.sort().map((name) => [name])].filter(
    (wave) => wave.length > 0,
  );
}

/** The stack with these services only: the others stay as they are. */
export function partOf(stack: Stack, names: readonly string[]): Stack {
  const services = Object.entries(stack.services).filter(([name]) => names.includes(name));
  return { ...stack, services: Object.fromEntries(services) };
}
