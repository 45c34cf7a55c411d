/**
 * The Swarm stack that runs, used and hurt while writes go on: tasks are killed, everything is updated, and
 * an update that cannot work is rolled back. It kills containers of this machine, so on a swarm of several it
 * does so to what runs here. Promises that are broken end it with 1.
 */
import { processTerminal } from '@driftless/cli';
import { DriftlessClient } from '@driftless/client';
import { docker } from '../images/docker.ts';
import { isServing, isWhole } from '../smoke/whole.ts';
import { Story } from '../story.ts';
import { services, up, url } from './deploy.ts';
import { stackName } from './stack.ts';
import { Writing } from './writing.ts';

const healMsMax = 90_000;
/** A write may wait for a new leader, and is tried again meanwhile. */
const slowestMsMax = 30_000;
const looks = 60;
const gateways = 4;
const prefix = `smoke/${Date.now().toString(36)}/`;

const story = new Story(processTerminal);
/** Never tries again: each answer is what was said to the first attempt. */
const front = new DriftlessClient({ baseUrls: url, retries: 0 });
/** Tries again, under the same Idempotency-Key, where the answer says that it may. */
const patient = new DriftlessClient({ baseUrls: url });
let disturbances = 0;

export async function smoke(): Promise<void> {
  try {
    const running = await services();
    if (!running.includes(`${stackName}_gateway`)) throw new Error('it does not run: npm run swarm:up');
    await usesAll();
    await kill(await leader(), 'node');
    await kill('nats-2', 'NATS server');
    await kill('gateway', 'gateway');
    await updateAll();
    await updateThatFails();
    await compareAll();
  } catch (error) {
    story.fail(error);
  } finally {
    await front.close();
    await patient.close();
  }
  process.exitCode = story.end() ? 0 : 1;
}

async function usesAll(): Promise<void> {
  story.step('a write, and reads by every gateway');
  const { version } = await front.putJson(`${prefix}hello`, { to: 'the world' }, { ack: 'all' });
  // All at once: the load balancer gives a request to the gateway that has the fewest.
  const views = await Promise.all(Array.from({ length: looks }, () => front.cluster()));
  const seen = new Set(views.map(({ gateway }) => gateway));
  const reads = await Promise.all(Array.from({ length: looks }, () => front.getJson(`${prefix}hello`)));
  const wrong = reads
    .filter((read) => read.version !== version)
    .map((read) => `${read.version} from ${read.node}`);
  story.promise(seen.size === gateways, `the load balancer asks ${[...seen].sort().join(', ')}`);
  story.promise(wrong.length === 0, [`${looks} reads show the write`, ...wrong].join(', but '));
}

async function leader(): Promise<string> {
  const { shards } = await front.cluster();
  return shards.find((shard) => shard.leader !== undefined)?.leader ?? 'node-1';
}

/** What was under way is told 504, stored or not; made again under its Idempotency-Key, it is there once. */
async function kill(service: string, what: string): Promise<void> {
  const [container = ''] = await containersOf(service);
  story.step(`docker kill of a task of ${service} (${what})`);
  await during(patient, async () => {
    await docker('kill', '--signal', 'SIGKILL', container);
    const startedAt = performance.now();
    const isNew = async (): Promise<boolean> => {
      const now = await containersOf(service);
      return now.length > 0 && !now.includes(container) && (await allRun(service));
    };
    const back = await story.until(healMsMax, isNew);
    const took = story.time(performance.now() - startedAt);
    story.promise(back, `Swarm has another task of ${service}, ready after ${took}`);
    await heals(isServing);
  });
  await heals(isWhole);
}

async function updateAll(): Promise<void> {
  story.step('an update of every task of ours, nodes one after the other');
  process.env.DRIFTLESS_ROLLOUT = Date.now().toString(36);
  const before = await nodeContainers();
  const observe = (await services()).includes(`${stackName}_prometheus`);
  await during(patient, async () => {
    await up({ observe, say: (line) => story.say(line) });
    await heals(isServing);
  });
  await heals(isWhole);
  const same = (await nodeContainers()).filter((id) => before.includes(id));
  story.promise(same.length === 0, 'every node is another task than before');
}

async function updateThatFails(): Promise<void> {
  story.step('an update of the gateways that cannot start');
  const service = `${stackName}_gateway`;
  await during(front, async () => {
    const change = ['--env-add', 'DRIFTLESS_PORT=nonsense'];
    await docker('service', 'update', '--detach', '--quiet', ...change, service);
    const state = async (): Promise<string> =>
      (await docker('service', 'inspect', '--format', '{{.UpdateStatus.State}}', service)).trim();
    const isBack = async (): Promise<boolean> =>
      (await state()) === 'rollback_completed' && (await allRun('gateway'));
    story.promise(await story.until(healMsMax, isBack), `Swarm took it back: ${await state()}`);
  });
}

/** None of the writes that go on meanwhile may fail. */
async function during(client: DriftlessClient, disturb: () => Promise<void>): Promise<void> {
  disturbances += 1;
  const writing = new Writing(client, `${prefix}${disturbances}/`);
  try {
    await disturb();
  } finally {
    const { keys, failures, slowestMs } = await writing.end();
    const what = `${story.count(keys.length)} writes meanwhile, the slowest after ${story.time(slowestMs)}`;
    const kept = failures.length === 0 && keys.length > 0 && slowestMs <= slowestMsMax;
    const failed = failures.length === 0 ? [] : [`${failures.length} failed: ${failures[0]}`];
    story.promise(kept, [what, ...failed].join('; '));
  }
}

async function heals(is: typeof isWhole): Promise<void> {
  const startedAt = performance.now();
  const healed = await story.until(healMsMax, () => front.cluster().then(is, () => false));
  const what = is === isWhole ? 'all replicas are equal' : 'all replicas are healthy';
  story.promise(healed, `${what}, ${story.time(performance.now() - startedAt)} later`);
}

async function containersOf(service: string): Promise<string[]> {
  const label = `label=com.docker.swarm.service.name=${stackName}_${service}`;
  const filters = ['--filter', label, '--filter', 'status=running'];
  return (await docker('ps', '--quiet', '--no-trunc', ...filters)).split('\n').filter(Boolean);
}

async function nodeContainers(): Promise<string[]> {
  return (await Promise.all(['node-1', 'node-2', 'node-3'].map(containersOf))).flat();
}

/** As many as there should be; a task counts when its health check says so. */
async function allRun(service: string): Promise<boolean> {
  const format = '{{.Name}} {{.Replicas}}';
  const line = await docker('service', 'ls', '--filter', `name=${stackName}_${service}`, '--format', format);
  const [, running, wanted] = /^\S+ (\d+)\/(\d+)/m.exec(line) ?? [];
  return running !== undefined && running === wanted;
}

async function compareAll(): Promise<void> {
  story.step('driftless verify, inside a gateway');
  const [gateway = ''] = await containersOf('gateway');
  const verify = ['node', '/driftless/scripts/image/main.mjs', 'verify'];
  const last = (await docker('exec', gateway, ...verify)).trimEnd().split('\n').at(-1) ?? '';
  story.promise(last.startsWith('equal:'), last);
}
