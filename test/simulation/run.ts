/**
 * Runs a plan and judges it: the cluster starts, clients and faults do what the plan says, then everything is
 * mended and has time to converge; the recorded history goes to all checkers.
 */
import { type CheckResult, checkHistory, type History, type HistoryEvent } from '@driftless/checkers';
import { formatPosition } from '@driftless/contracts';
import { breakBy, type Mutant } from '@driftless/store-node/simulation';
import { Client } from './client.ts';
import { Cluster } from './cluster.ts';
import { schedule } from './faults.ts';
import { endOf, type Fault, type Plan, takenBy } from './plan.ts';
import { Recorder } from './recorder.ts';
import { Verifier } from './verifier.ts';
import { World } from './world.ts';

/** Longest time that everything mended may take to converge, virtual milliseconds. */
export const convergedWithinMs = 60_000;
/** Longest time that clients may take for what is left when all is mended. */
const finishWithinMs = 120_000;
/** JetStream gives out again what was not acked. */
const ackWaitMs = 10_000;
const lookEveryMs = 50;
/** How often members are compared, and how long it takes until the leader hears of it. */
const verifyEveryMs = 1500;
const verifiedAfterMs = 300;
/** Events of a run; more mean that it goes round in circles. */
const eventsMax = 5_000_000;

export interface Violation {
  /** The checker that says so; `process` for one that died by itself, `simulation` for a run without end. */
  checker: string;
  message: string;
}

export interface Outcome {
  violations: Violation[];
  /** What a checker could not decide. */
  doubts: string[];
  operations: number;
  answered: number;
  /** Virtual time from the last disturbance until all replicas were equal. */
  recoveryMs: number;
  /** Virtual time of the run. */
  ms: number;
  /** What the cluster met, by name. */
  counts: Record<string, number>;
  /** Tells two runs apart. */
  digest: string;
  history: HistoryEvent[];
}

export interface RunOptions {
  onTrace?: ((line: string) => void) | undefined;
  /** Breaks the store on purpose. */
  mutant?: Mutant | undefined;
}

export async function run(plan: Plan, { onTrace, mutant }: RunOptions = {}): Promise<Outcome> {
  breakBy(mutant);
  const world = new World(`run ${plan.seed}`);
  world.onTrace = onTrace;
  const recorder = new Recorder(plan.shards, () => world.now);
  const violations: Violation[] = [];
  const setAside = new Set<string>();
  const verifier = new Verifier();
  const cluster: Cluster = new Cluster(world, plan, {
    onSynced: (node, shard, store) => {
      recorder.synced(labelOf(cluster, node), shard, store);
      verifier.saw(node, shard, store, true);
    },
    onCommitted: (node, shard, store, { log }) => {
      verifier.saw(node, shard, store, false);
      if (log) recorder.collected(labelOf(cluster, node), shard, store, log.event);
    },
    onDiskLost: (node, shard) => verifier.lost(node, shard),
    onOrphans: (shard, versions) => {
      for (const version of versions) setAside.add(`${shard} ${formatPosition(version)}`);
    },
    onFault: (process, error) => {
      const message = error instanceof Error ? `${error.message} ${firstFrames(error)}` : String(error);
      violations.push({ checker: 'process', message: `${process}: ${message}` });
      world.after(1000, () => process.startsWith('node') && cluster.startNode(process));
    },
  });
  const stopListening = listenForUnhandled(world);
  try {
    cluster.start();
    const clients = startClients(world, cluster, plan, recorder);
    breakThings(cluster, plan, recorder);
    redeliver(cluster);
    verify(cluster, verifier);
    const recoveryMs = await untilConverged(world, cluster, clients, plan, violations);
    for (const host of cluster.hosts) {
      const { node, name } = host;
      for (const replica of node?.replicas ?? []) {
        recorder.dump(labelOf(cluster, name), replica.shard, replica.context.store);
      }
    }
    const history = recorder.history();
    const results = checkHistory(history, { convergedWithinMs });
    const diskLost = plan.faults.some(({ kind }) => kind === 'disk-loss' || kind === 'files-put-back');
    if (!diskLost) violations.push(...silentRollbacks(history, setAside));
    return {
      violations: [...violations, ...violationsOf(results)].filter((one) => isJudged(plan, one)),
      doubts: results.flatMap(({ checker, doubts }) => doubts.map((doubt) => `${checker}: ${doubt}`)),
      operations: plan.operations.length,
      answered: clients.reduce((sum, { answered }) => sum + answered, 0),
      recoveryMs,
      ms: world.now,
      counts: Object.fromEntries(cluster.counts),
      digest: `${world.digest()}`,
      history: recorder.events,
    };
  } finally {
    stopListening();
  }
}

/**
 * Where the stream, the leases and whoever led are lost at once, the next leader can't know of an epoch that
 * only they knew, and may begin another one of its number.
 */
function isJudged({ profile }: Plan, { checker }: Violation): boolean {
  return profile !== 'everything' || checker !== 'single-writer';
}

/** What checkers know a replica by: with a new disk, or an old copy of its files, it is another one. */
function labelOf(cluster: Cluster, node: string): string {
  const { diskLives } = cluster.host(node);
  return diskLives === 1 ? node : `${node}-disk-${diskLives}`;
}

/** A promise of a node that nobody looked at: in the real process it would be the end. */
function listenForUnhandled(world: World): () => void {
  const listener = (error: unknown): void => world.onFault(world.current, error);
  process.on('unhandledRejection', listener);
  return () => void process.off('unhandledRejection', listener);
}

function startClients(world: World, cluster: Cluster, plan: Plan, recorder: Recorder): Client[] {
  const names = [...new Set(plan.operations.map(({ client }) => client))];
  const clients = new Map(
    names.map((name) => [name, new Client(name, world, cluster.gateways, recorder)] as const),
  );
  for (const [id, operation] of plan.operations.entries()) {
    world.at(operation.at, () => clients.get(operation.client)?.ask(operation, id));
  }
  return [...clients.values()];
}

function breakThings(cluster: Cluster, plan: Plan, recorder: Recorder): void {
  const takes = takenBy(plan.profile);
  schedule(cluster, plan.faults, (fault: Fault, phase) => {
    cluster.count(phase === 'begin' ? `fault ${fault.kind}` : 'faults ended');
    recorder.add({ type: 'fault', at: recorder.now, phase, fault: fault.kind, takes });
  });
}

function redeliver({ world, nats, shards }: Cluster): void {
  const again = (): void => {
    for (let shard = 0; shard < shards; shard += 1)
      if (nats.memory.has(shard)) nats.memory.giveOutAgain(shard);
    world.after(ackWaitMs, again);
  };
  world.after(ackWaitMs, again);
}

/** Leaders hear now and then how far their members were equal. */
function verify({ world, hosts }: Cluster, verifier: Verifier): void {
  const again = (): void => {
    for (const { name, process, node } of hosts) {
      if (!process.isAlive) continue;
      for (const { leader, shard, context } of node?.replicas ?? []) {
        if (!leader) continue;
        const members = [...context.members];
        const position = verifier.verified(shard, name, members);
        const told = position && { position, members };
        world.after(verifiedAfterMs, () => void Object.assign(context, { verified: told }), process);
      }
    }
    world.after(verifyEveryMs, again);
  };
  world.after(verifyEveryMs, again);
}

/** Rot that nobody met is found by who looks for it. */
function scrubAll({ hosts, world }: Cluster, onDone: () => void): void {
  const replicas = hosts.flatMap(({ node, process }) =>
    (node?.replicas ?? []).map((replica) => ({ replica, process })),
  );
  let left = replicas.length;
  const done = (): void => {
    left -= 1;
    if (left === 0) onDone();
  };
  for (const { replica, process } of replicas) {
    world.after(
      0,
      () => void replica.scrub.run().then(done, (error) => world.onFault(process, error)),
      process,
    );
  }
}

/** Resolves when clients are done and replicas equal, or there was time enough for it. */
async function untilConverged(
  world: World,
  cluster: Cluster,
  clients: readonly Client[],
  plan: Plan,
  violations: Violation[],
): Promise<number> {
  const asked = Math.max(0, ...plan.operations.map(({ at }) => at));
  const mended = Math.max(0, ...plan.faults.map(endOf));
  let calmAt = Number.POSITIVE_INFINITY;
  let isOver = false;
  let isScrubbed = true;
  const look = (): void => {
    if (world.now >= Math.max(asked, mended) && calmAt === Number.POSITIVE_INFINITY) {
      for (const { process } of cluster.hosts) process.callsLeft = Number.POSITIVE_INFINITY;
      const isDone = clients.every((client) => client.isIdle);
      if (isDone || world.now > Math.max(asked, mended) + finishWithinMs) calmAt = world.now;
      if (plan.profile === 'rot' && calmAt === world.now) {
        isScrubbed = false;
        scrubAll(cluster, () => {
          isScrubbed = true;
        });
      }
      if (!isDone && calmAt === world.now) {
        violations.push({ checker: 'simulation', message: 'clients are not answered, although all is well' });
      }
    }
    const unrest = calmAt <= world.now && isScrubbed ? cluster.unrest() : 'not calm yet';
    if (unrest === undefined) isOver = true;
    else if (world.now > calmAt + convergedWithinMs) {
      isOver = true;
      violations.push({ checker: 'convergence', message: `after ${convergedWithinMs} ms, ${unrest}` });
    } else world.after(lookEveryMs, look);
  };
  world.after(lookEveryMs, look);
  await world.run(() => isOver || world.events > eventsMax);
  if (!isOver) violations.push({ checker: 'simulation', message: `${world.events} events, and no end` });
  return Math.max(0, world.now - Math.max(asked, mended));
}

function violationsOf(results: readonly CheckResult[]): Violation[] {
  return results.flatMap(({ checker, violations }) =>
    violations.map(({ key, message }) => ({
      checker,
      message: key === undefined ? message : `${key}: ${message}`,
    })),
  );
}

/**
 * A write that was acknowledged may be rolled back at a level that allows it, but never silently: whoever
 * cuts it off sets it aside (DESIGN §5).
 */
function silentRollbacks(history: History, setAside: ReadonlySet<string>): Violation[] {
  return history.operations.flatMap(({ kind, key, outcome, version, ack }) => {
    const shard = history.shardOf(key);
    const isWrite = kind === 'put' || kind === 'delete' || kind === 'increment';
    if (!isWrite || outcome !== 'ok' || !version || !history.isOrphan(shard, version)) return [];
    const at = formatPosition(version);
    if (setAside.has(`${shard} ${at}`)) return [];
    const message = `${key}: ${kind} at ${at} was acknowledged (${ack}) and rolled back, and nobody kept it`;
    return [{ checker: 'rollbacks', message }];
  });
}

function firstFrames(error: Error): string {
  const frames = (error.stack ?? '').split('\n').slice(1, 4);
  return frames.map((frame) => frame.trim().replace(/\(?file:\/\/.*\/(?=[^/]+\/[^/]+$)/, '(')).join(' ');
}
