/**
 * The images, used as anybody would: what they must not have, and the container that is a whole cluster,
 * which is stopped, killed, and started again on its volume. Promises that are broken end it with 1.
 */
import { processTerminal } from '@driftless/cli';
import { DriftlessClient } from '@driftless/client';
import { Story } from '../story.ts';
import { attempt, docker, images, version } from './docker.ts';

const readyMsMax = 90_000;
const stopSecondsMax = 30;
/** What `docker run` ends with. */
const noSuchProgram = 127;
const container = `driftless-smoke-${process.pid}`;
const volume = container;
/** As strict as an engine can be told to be. */
const strict = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];

const story = new Story(processTerminal);

export async function smoke(): Promise<void> {
  try {
    for (const { name } of Object.values(images)) await bare(name);
    await allInOne();
  } catch (error) {
    story.fail(error);
  } finally {
    await attempt('docker', ['rm', '--force', '--volumes', container]);
    await attempt('docker', ['volume', 'rm', '--force', volume]);
  }
  process.exitCode = story.end() ? 0 : 1;
}

async function bare(image: string): Promise<void> {
  story.step(image);
  const inspected = await docker('image', 'inspect', '--format', '{{json .Config}}', image);
  const { User: user, Labels: labels } = JSON.parse(inspected) as {
    User: string;
    Labels: Record<string, string>;
  };
  story.promise(user === '10001:10001', `runs as ${user}`);
  const wanted = ['title', 'description', 'licenses', 'source', 'version', 'revision'];
  const missing = wanted.filter((name) => !labels[`org.opencontainers.image.${name}`]);
  story.promise(missing.length === 0, `has its labels${missing.map((name) => `, but not ${name}`).join('')}`);
  const shells: string[] = [];
  for (const program of ['/bin/sh', '/bin/bash', '/bin/busybox', '/usr/local/bin/npm']) {
    const { status } = await attempt('docker', ['run', '--rm', '--entrypoint', program, image, '--help']);
    if (status !== noSuchProgram) shells.push(program);
  }
  story.promise(shells.length === 0, ['has no shell and no package manager', ...shells].join(', but '));
  const said = (await docker('run', '--rm', ...strict, '--network', 'none', image, '--version')).trim();
  story.promise(said.includes(version), `on a read-only root, without capabilities, it says ${said}`);
}

async function allInOne(): Promise<void> {
  story.step(`docker run ${images.allInOne.name}: a cluster in a container`);
  const port = ['--publish', '127.0.0.1::8080'];
  const keep = ['--volume', `${volume}:/data`];
  await docker('run', '--detach', '--name', container, ...port, ...keep, ...strict, images.allInOne.name);
  let client = await ready('its first start');
  const { version: at } = await client.putJson('hello', { to: 'the world' }, { ack: 'all' });
  await shows(client, at);
  const { nodes } = await client.cluster();
  story.promise(nodes.length === 3 && nodes.every(({ alive }) => alive), `${nodes.length} nodes are alive`);
  await killInside('node-2');
  const back = await story.until(readyMsMax, async () => {
    const { nodes: now } = await client.cluster();
    return now.every(({ alive }) => alive) && (await docker('logs', container)).includes('node-2 died');
  });
  story.promise(back, 'node-2 is killed in it, and started again');
  await client.close();

  story.step('docker stop, then a start on the same volume');
  const startedAt = performance.now();
  await docker('stop', '--time', String(stopSecondsMax), container);
  const code = (await docker('inspect', '--format', '{{.State.ExitCode}}', container)).trim();
  story.promise(
    code === '0',
    `drained, exit code ${code}, after ${story.time(performance.now() - startedAt)}`,
  );
  await docker('start', container);
  client = await ready('its second start');
  await shows(client, at);
  await client.close();

  story.step('docker kill, then a start on the same volume');
  await docker('kill', container);
  await docker('start', container);
  client = await ready('a start after SIGKILL');
  await shows(client, at);
  await client.close();
  const verdict = (
    await docker('exec', container, 'node', '/driftless/scripts/image/main.mjs', 'verify')
  ).trimEnd();
  const last = verdict.split('\n').at(-1) ?? '';
  story.promise(last.startsWith('equal:'), last);
}

/** The engine's port changes with each start. */
async function ready(when: string): Promise<DriftlessClient> {
  const startedAt = performance.now();
  const status = async (): Promise<string> =>
    (await docker('inspect', '--format', '{{.State.Health.Status}}', container)).trim();
  const isReady = await story.until(readyMsMax, async () => (await status()) === 'healthy');
  story.promise(isReady, `${when}: healthy after ${story.time(performance.now() - startedAt)}`);
  const [address = ''] = (await docker('port', container, '8080')).split('\n');
  return new DriftlessClient({ baseUrls: `http://${address}` });
}

async function shows(client: DriftlessClient, version_: string): Promise<void> {
  const { value, version: found } = await client.getJson('hello', { consistency: 'strong' });
  const same = found === version_ && JSON.stringify(value) === '{"to":"the world"}';
  story.promise(same, `what was put is there, at ${found}`);
}

async function killInside(name: string): Promise<void> {
  const runFile = `/data/run/${name}.json`;
  const script = `process.kill(JSON.parse(require('fs').readFileSync('${runFile}')).pid, 'SIGKILL')`;
  await docker('exec', container, 'node', '--eval', script);
}
