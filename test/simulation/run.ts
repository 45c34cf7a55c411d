/**
 * Runs a plan and judges it: the cluster starts, clients and faults do what the plan says, then everything is
 * mended and has time to converge; the recorded history goes to all checkers.
 */
import { type CheckResult, checkHistory, type History, type HistoryEvent } from '@driftless/checkers';
import { formatPosition } from '@driftless/contracts';
import { Client } from './client.ts';
import { Cluster } from './cluster.ts';
import { isRepair, leftUnsound } from './damage.ts';
import { schedule } from './faults.ts';
import { breakBy, type Mutant } from './mutants.ts';
import { endOf, type Fault, type Plan, takenBy } from './plan.ts';
import { Recorder, type Standing } from './recorder.ts';
import { World } from './world.ts';

/** Longest time that everything mended may take to converge, virtual milliseconds. */
export const convergedWithinMs = 60_000;
/** Longest time that clients may take for what is left when all is mended. */
const finishWithinMs = 120_000;
/** JetStream gives out again what was not acked. */
const ackWaitMs = 10_000;
const lookEveryMs = 50;
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
  const cluster: Cluster = new Cluster(world, plan, {
    onSynced: (node, shard, store) => recorder.synced(labelOf(cluster, node), shard, store),
    onCommitted: (node, shard, store, change) => {
      const { log } = change;
      if (log) recorder.collected(labelOf(cluster, node), shard, store, log.event, standings(cluster, shard));
      if (!isRepair(change)) return;
      for (const bucket of leftUnsound(store, change)) {
        const message = `${node} left shard ${shard} with a leaf of bucket ${bucket} that is not of its rows`;
        violations.push({ checker: 'repairs', message });
      }
    },
    onOrphans: (shard, versions) => {
      for (const version of versions) setAside.add(`${shard} ${formatPosition(version)}`);
    },
    onFault: (process, error) => {
      const message = error instanceof Error ? `${error.message} ${firstFrames(error)}` : String(error);
      violations.push({ checker: 'process', message: `${process}: ${message}` });
      world.after(1000, () => process !== 'the simulation' && cluster.program(process).start());
    },
  });
  const stopListening = listenForUnhandled(world);
  try {
    cluster.start();
    const clients = startClients(world, cluster, plan, recorder);
    breakThings(cluster, plan, recorder);
    redeliver(cluster);
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
 * What an event should have written is missing where it was skipped, without a trace until the next event or
 * an audit: who reads there meanwhile, or counts on from there, can't know. In the end it must be there.
 */
const blindToSkipped: readonly string[] = [
  'counters',
  'linearizability',
  'monotonic-reads',
  'node-versions',
  'positions',
  'read-your-writes',
  'resurrections',
];

/**
 * Where the stream, the leases and whoever led are lost at once, the next leader can't know of an epoch that
 * only they knew, and may begin another one of its number.
 */
function isJudged({ profile, faults }: Plan, { checker }: Violation): boolean {
  if (faults.some(({ kind }) => kind === 'event-skipped') && blindToSkipped.includes(checker)) return false;
  return profile !== 'everything' || checker !== 'single-writer';
}

/** What checkers know a replica by: with a new disk, or one that a fault set back, it is another one. */
function labelOf(cluster: Cluster, node: string): string {
  const { diskLives } = cluster.host(node);
  return diskLives === 1 ? node : `${node}-disk-${diskLives}`;
}

function standings(cluster: Cluster, shard: number): Standing[] {
  return cluster.hosts.flatMap(({ name, node }) => {
    if (!node?.has(shard)) return [];
    const { applied: position, root } = node.replica(shard).context.state;
    return position.epoch === 0 ? [] : [{ node: labelOf(cluster, name), position, root }];
  });
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
  const look = (): void => {
    if (world.now >= Math.max(asked, mended) && calmAt === Number.POSITIVE_INFINITY) {
      for (const { process } of [...cluster.hosts, cluster.healing])
        process.callsLeft = Number.POSITIVE_INFINITY;
      const isDone = clients.every((client) => client.isIdle);
      if (isDone || world.now > Math.max(asked, mended) + finishWithinMs) calmAt = world.now;
      if (!isDone && calmAt === world.now) {
        violations.push({ checker: 'simulation', message: 'clients are not answered, although all is well' });
      }
    }
    const unrest = calmAt <= world.now ? cluster.unrest() : 'not calm yet';
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
