/**
 * `npm run compose:smoke`: the Compose stack that runs (`npm run compose:up`) is used and hurt, and checked
 * at each step: a write by one gateway is read by the other; a node, a gateway and a NATS server are killed
 * while writes go on by the load balancer; what was killed comes back and heals; what is asked to stop
 * drains; and every row of every replica is compared at the end. With the profile `observe` running, also
 * that Prometheus sees all of it.
 *
 * The exit code is 1 when one promise was not kept. It writes under a prefix of its own, and leaves the
 * stack running.
 */
import { processTerminal } from '@driftless/cli';
import { DriftlessClient } from '@driftless/client';
import { observed } from './compose-smoke/observed.ts';
import {
  compose,
  driftless,
  exitCodeOf,
  isHealthy,
  publishedUrl,
  runningServices,
  streamCopies,
} from './compose-smoke/stack.ts';
import { Watching } from './compose-smoke/watching.ts';
import { isWhole } from './smoke/whole.ts';
import { Story } from './story.ts';

const writesEach = 60;
/** A write may wait for a new leader; longer than that, the gateway says 503 itself. */
const writeMsMax = 10_000;
const patientWriteMsMax = 30_000;
const healMsMax = 60_000;
/** Longer than the load balancer lets a connection be silent. */
const watchMsMin = 80_000;
const watchMsMax = 120_000;

const prefix = `smoke/${Date.now().toString(36)}/`;
const story = new Story(processTerminal);
const written: string[] = [];

interface Clients {
  /** By the load balancer. Never tries again: each answer is what was said to the first attempt. */
  readonly front: DriftlessClient;
  /** By the load balancer too; tries again where the answer says that it may. */
  readonly patient: DriftlessClient;
  readonly one: DriftlessClient;
  readonly other: DriftlessClient;
}

async function smoke(): Promise<void> {
  const services = runningServices();
  if (!services.includes('load-balancer')) throw new Error('it does not run; start it: npm run compose:up');
  const front = publishedUrl('load-balancer', 8080);
  const clients: Clients = {
    front: new DriftlessClient({ baseUrls: front, retries: 0 }),
    patient: new DriftlessClient({ baseUrls: front }),
    one: new DriftlessClient({ baseUrls: publishedUrl('gateway-1', 8080), retries: 0 }),
    other: new DriftlessClient({ baseUrls: publishedUrl('gateway-2', 8080), retries: 0 }),
  };
  try {
    await writeHereReadThere(clients);
    const watching = await Watching.start(front, prefix);
    await killNode(clients);
    await killNatsServer(clients);
    await drain(clients);
    await watchToTheEnd(clients, watching);
    await killGateway(clients);
    compareAll();
    if (services.includes('prometheus')) await observed(story, publishedUrl('prometheus', 9090), services);
  } finally {
    for (const client of Object.values(clients)) await client.close();
  }
}

async function writeHereReadThere({ one, other }: Clients): Promise<void> {
  story.step('a write by gateway-1, a read by gateway-2');
  const key = `${prefix}hello`;
  const { version, ack } = await one.putJson(key, { to: 'the world' }, { ack: 'all' });
  written.push(key);
  const read = await other.getJson(key, { consistency: 'eventual' });
  const same = read.version === version && JSON.stringify(read.value) === '{"to":"the world"}';
  story.promise(same, `${key} at ${version} (ack=${ack}), read from ${read.node}`);
  const copies = streamCopies('nats-1');
  const few = [...copies].filter(([, count]) => count !== 3).map(([name]) => name);
  story.promise(copies.size > 0 && few.length === 0, `${copies.size} streams, each on three NATS servers`);
}

async function killNode(clients: Clients): Promise<void> {
  const { nodes, shards } = await clients.one.cluster();
  const victim = shards.find(({ leader }) => leader !== undefined)?.leader ?? nodes[0]?.node ?? 'node-1';
  const led = shards.filter(({ leader }) => leader === victim).length;
  story.step(`docker kill ${victim}, which leads ${led} of ${shards.length} shards`);
  compose('kill', '--signal', 'SIGKILL', victim);
  await writeMany(clients.front, `without ${victim}`);
  await readAll(clients);
  story.promise(!runningServices().includes(victim), `${victim} was dead all the time`);
  compose('start', victim);
  await heals(clients.one, victim);
}

/**
 * The streams that this server led elect another leader, for some seconds. A write of that time may be told
 * that it is stored and not confirmed; made again under its Idempotency-Key, it is confirmed, once.
 */
async function killNatsServer({ patient, one }: Clients): Promise<void> {
  story.step('docker kill nats-1');
  compose('kill', '--signal', 'SIGKILL', 'nats-1');
  await writeMany(patient, 'with two of three NATS servers', patientWriteMsMax);
  compose('start', 'nats-1');
  await heals(one, 'nats-1');
}

async function drain({ front, one }: Clients): Promise<void> {
  story.step('docker stop node-2: it hands over and drains');
  const startedAt = performance.now();
  compose('stop', 'node-2');
  const took = story.time(performance.now() - startedAt);
  story.promise(exitCodeOf('node-2') === 0, `node-2 ended by itself with exit code 0 after ${took}`);
  await writeMany(front, 'without node-2');
  compose('start', 'node-2');
  await heals(one, 'node-2');
}

async function watchToTheEnd({ front }: Clients, watching: Watching): Promise<void> {
  story.step(`a watch by the load balancer, open for ${Math.round(watchMsMin / 1000)} s and more`);
  await story.until(watchMsMax, async () => watching.ageMs > watchMsMin || !watching.isOpen);
  await writeMany(front, 'at the end of it');
  // What was written before it began is not its business.
  const shown = await story.until(5_000, async () => watching.hasSeen(written.slice(1)));
  const age = story.time(watching.ageMs);
  story.promise(
    watching.isOpen && shown,
    `one connection, ${age}, ${story.count(written.length - 1)} changes`,
  );
}

async function killGateway({ front, other }: Clients): Promise<void> {
  story.step('docker kill gateway-1');
  compose('kill', '--signal', 'SIGKILL', 'gateway-1');
  await writeMany(front, 'with one gateway');
  compose('start', 'gateway-1');
  await heals(other, 'gateway-1');
}

/** Each by a request of its own, one after the other; none of them may fail. */
async function writeMany(client: DriftlessClient, when: string, msMax = writeMsMax): Promise<void> {
  let slowestMs = 0;
  const failed: string[] = [];
  for (let i = 0; i < writesEach; i++) {
    const key = `${prefix}${written.length}`;
    const startedAt = performance.now();
    try {
      await client.putJson(key, { when, i });
      written.push(key);
    } catch (error) {
      failed.push(error instanceof Error ? error.message : String(error));
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
  }
  const what = `${writesEach} writes ${when}, the slowest after ${story.time(slowestMs)}`;
  story.promise(
    failed.length === 0 && slowestMs <= msMax,
    failed.length === 0 ? what : `${what}: ${failed[0]}`,
  );
}

async function readAll({ one, other }: Clients): Promise<void> {
  const missing: string[] = [];
  for (const gateway of [one, other])
    for (const key of written)
      await gateway.head(key, { consistency: 'leader' }).catch(() => missing.push(key));
  story.promise(missing.length === 0, `${written.length} keys are read by each gateway`);
}

/** It is ready; and every replica is alive, healthy, at its leader's position and root. */
async function heals(client: DriftlessClient, who: string): Promise<void> {
  const startedAt = performance.now();
  const healed = await story.until(healMsMax, async () => isHealthy(who) && isWhole(await client.cluster()));
  const took = story.time(performance.now() - startedAt);
  story.promise(healed, `${who} is back: all replicas healthy and equal, ${took} after its start`);
}

function compareAll(): void {
  story.step('driftless verify, inside the container of gateway-2');
  const last = driftless('gateway-2', 'verify').trimEnd().split('\n').at(-1) ?? '';
  story.promise(last.startsWith('equal:'), last);
}

await smoke().catch((error: unknown) => story.fail(error));
process.exitCode = story.end() ? 0 : 1;
