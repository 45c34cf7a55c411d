/** Up and down: labels, secrets, the stack in waves. Everything may be repeated. */
import { randomBytes } from 'node:crypto';
import { DriftlessClient } from '@driftless/client';
import { waitUntil } from '@driftless/runtime';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { attempt, docker, run } from '../images/docker.ts';
import { isServing } from '../smoke/whole.ts';
import { named, partOf, type Stack, stackName, stackSchema, wavesOf, withAlertSecrets } from './stack.ts';

const passwordBytes = 24;
const servingMsMax = 120_000;
const lookMs = 500;
const { DRIFTLESS_PORT: port = '8080' } = process.env;
const tracesVariable = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const collector = 'http://otel-collector:4318';
/** The load balancer, which runs on every machine. */
export const url = `http://127.0.0.1:${port}`;
const slots = ['slot-1', 'slot-2', 'slot-3'];
const natsServers = ['nats-1', 'nats-2', 'nats-3'];

export interface UpOptions {
  observe: boolean;
  say: (line: string) => void;
}

export async function up({ observe, say }: UpOptions): Promise<void> {
  await requireSwarm();
  await requireLabels(observe ? [...slots, 'observe'] : slots, say);
  const stack = withAlertSecrets(named(await rendered(observe)), await secretNames());
  await makeSecrets(stack, say);
  const running = await services();
  const names = Object.keys(stack.services);
  // Those that are new wait for each other; of those that run, each is updated when the one before is there.
  const fresh = names.filter((name) => !running.includes(`${stackName}_${name}`));
  if (fresh.length > 0) {
    await deploy(stack, fresh, say);
    await serving();
  }
  const old = partOf(
    stack,
    names.filter((name) => !fresh.includes(name)),
  );
  for (const wave of wavesOf(old)) {
    await deploy(stack, wave, say);
    await serving();
  }
  await removeOldConfigs(stack);
}

/** That a task runs does not mean that it has caught up: the cluster says when the next one may go. */
async function serving(): Promise<void> {
  const client = new DriftlessClient({ baseUrls: url, retries: 0 });
  const ask = (): Promise<boolean> => client.cluster().then(isServing, () => false);
  const what = 'every replica to be healthy';
  await waitUntil(ask, { timeoutMs: servingMsMax, intervalMs: lookMs, what });
  await client.close();
}

export async function down(): Promise<void> {
  await docker('stack', 'rm', '--detach=false', stackName);
}

async function requireSwarm(): Promise<void> {
  const format = '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}';
  const state = (await docker('info', '--format', format)).trim();
  if (state === 'active true') return;
  throw new Error('this engine manages no swarm: docker swarm init --advertise-addr ADDRESS');
}

const nodeSchema = z.object({
  ID: z.string(),
  Description: z.object({ Hostname: z.string() }),
  Spec: z.object({ Labels: z.record(z.string(), z.string()) }),
});

/** A swarm of one machine is labelled; which of several holds what is for a person to say. */
async function requireLabels(names: readonly string[], say: UpOptions['say']): Promise<void> {
  const ids = (await docker('node', 'ls', '--quiet')).split('\n').filter(Boolean);
  const nodes = z.array(nodeSchema).parse(JSON.parse(await docker('node', 'inspect', ...ids)));
  const [first] = nodes;
  for (const name of names) {
    const label = `driftless.${name}`;
    const holders = nodes.filter(({ Spec }) => Spec.Labels[label] === 'true');
    if (holders.length === 1) continue;
    if (nodes.length > 1 || first === undefined) {
      const how = `docker node update --label-add ${label}=true MACHINE`;
      throw new Error(`${holders.length} machines have the label ${label}; it must be one: ${how}`);
    }
    await docker('node', 'update', '--label-add', `${label}=true`, first.ID);
    say(`${first.Description.Hostname} has the label ${label} now: it is the only machine`);
  }
}

async function rendered(observe: boolean): Promise<Stack> {
  // The files are rendered with our environment; processes send traces where there is a collector.
  if (observe) process.env[tracesVariable] ??= collector;
  const files = ['compose/swarm.yaml', ...(observe ? ['compose/swarm-observe.yaml'] : [])];
  const text = await docker('stack', 'config', ...files.flatMap((file) => ['--compose-file', file]));
  return stackSchema.parse(parse(text));
}

const listed = async (...what: string[]): Promise<string[]> =>
  (await docker(...what, '--format', '{{.Name}}')).split('\n').filter(Boolean);
const secretNames = (): Promise<string[]> => listed('secret', 'ls');
export const services = (): Promise<string[]> => listed('service', 'ls');

/** A password that nobody has to know: servers and clients get it from the same place. */
async function makeSecrets(stack: Stack, say: UpOptions['say']): Promise<void> {
  const there = await secretNames();
  const make = async (name: string, value: string): Promise<void> => {
    if (there.includes(name)) return;
    await run('docker', ['secret', 'create', name, '-'], value);
    say(`the secret ${name} is made`);
  };
  const nats = ['driftless-nats-server', 'driftless-nats-url'];
  const found = nats.filter((name) => there.includes(name));
  if (found.length === 1) throw new Error(`there is only ${found[0]} of ${nats.join(' and ')}`);
  const password = randomBytes(passwordBytes).toString('hex');
  await make('driftless-nats-server', natsConfig('driftless', password));
  await make(
    'driftless-nats-url',
    natsServers.map((host) => `nats://driftless:${password}@${host}:4222`).join(),
  );
  if (stack.services.grafana)
    await make('driftless-grafana-admin', randomBytes(passwordBytes).toString('hex'));
}

export function natsConfig(user: string, password: string): string {
  return `include "nats.conf"\nauthorization { user: "${user}", password: "${password}" }\n`;
}

async function deploy(stack: Stack, names: readonly string[], say: UpOptions['say']): Promise<void> {
  const startedAt = performance.now();
  const args = ['stack', 'deploy', '--detach=false', '--resolve-image', 'never', '--with-registry-auth'];
  await run('docker', [...args, '--compose-file', '-', stackName], stringify(partOf(stack, names)));
  say(`${names.join(', ')}: there, after ${Math.round((performance.now() - startedAt) / 1000)} s`);
}

/** What no service uses any more; the engine refuses to remove what one still needs. */
async function removeOldConfigs(stack: Stack): Promise<void> {
  const current = Object.values(stack.configs).map(({ name }) => name);
  const label = `label=com.docker.stack.namespace=${stackName}`;
  const there = await listed('config', 'ls', '--filter', label);
  for (const name of there) {
    if (!current.includes(name)) await attempt('docker', ['config', 'rm', name]);
  }
}
