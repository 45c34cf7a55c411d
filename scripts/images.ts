/**
 * Images: `npm run image:build`, `image:sbom`, `image:smoke`. What they hold is the Dockerfile's business.
 *
 *     npm run image:build                                              both, for this machine's processor
 *     npm run image:build -- --platform linux/amd64,linux/arm64 --push registry.example/driftless
 *     npm run image:sbom -- --out sbom                                 a bill of materials of each
 *     npm run image:smoke                                              uses and hurts them
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOptions } from '@driftless/runtime';
import { attempt, docker, images, root, run, version } from './images/docker.ts';
import { contentsSchema, npmSbomSchema, sbomOf } from './images/sbom.ts';
import { smoke } from './images/smoke.ts';

const [task = '', ...args] = process.argv.slice(2);
const options = commandOptions(
  import.meta.filename,
  {
    /** More than this machine's needs buildx, which keeps such images in a registry only. */
    platform: { type: 'string' },
    /** Where to, without a tag. */
    push: { type: 'string' },
    out: { type: 'string', default: '.driftless/sbom' },
  },
  args,
);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function build(): Promise<void> {
  const ofSources = async (...words: string[]): Promise<string> => {
    const { status, stdout } = await attempt('git', words);
    return status === 0 && stdout.trim() !== '' ? stdout.trim() : 'unknown';
  };
  // A remote may hold somebody's password.
  const source = (await ofSources('remote', 'get-url', 'origin')).replace(/\/\/[^@/]*@/, '//');
  const isDirty = (await attempt('git', ['status', '--porcelain'])).stdout.trim() !== '';
  const revision = (await ofSources('rev-parse', 'HEAD')) + (isDirty ? '-modified' : '');
  const labels = Object.entries({ VERSION: version, REVISION: revision, SOURCE: source });
  for (const { name, target } of Object.values(images)) {
    const tag = options.push === undefined ? name : name.replace(/^driftless/, options.push);
    const how =
      options.platform === undefined
        ? ['build']
        : ['buildx', 'build', '--sbom=true', '--platform', options.platform];
    const what = [
      ...labels.flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
      ...(target === undefined ? [] : ['--target', target]),
      ...(options.push !== undefined && options.platform !== undefined ? ['--push'] : []),
      '--tag',
      tag,
      '.',
    ];
    await docker(...how, ...what);
    if (options.push !== undefined && options.platform === undefined) await docker('push', tag);
    say(`${tag} is built`);
  }
}

async function sboms(): Promise<void> {
  const npm = npmSbomSchema.parse(
    JSON.parse(await run('npm', ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'])),
  );
  mkdirSync(join(root, options.out), { recursive: true });
  for (const { name } of Object.values(images)) {
    const told = await docker(
      'run',
      '--rm',
      '--entrypoint',
      'node',
      name,
      '/driftless/scripts/image/contents.mjs',
    );
    const sbom = sbomOf(name, contentsSchema.parse(JSON.parse(told)), npm);
    const file = join(options.out, `${name.replace(':', '-')}.cdx.json`);
    writeFileSync(join(root, file), `${JSON.stringify(sbom, null, 2)}\n`);
    say(`${file}: ${sbom.components.length} components`);
  }
}

const tasks: Record<string, () => Promise<void>> = { build, sbom: sboms, smoke };
const chosen = tasks[task];
if (chosen === undefined)
  throw new Error(`there is no "${task}"; there are ${Object.keys(tasks).join(', ')}`);
await chosen();
