/**
 * The verdict on a shard. Three outcomes: equal, different, not comparable. The last is never
 * passed off as checked: replicas whose dumps are of different moments can't be compared, and neither can one
 * that doesn't answer. While writes flow, dumps are asked for again until all of them are of one position.
 */
import { type DumpHead, type DumpRow, formatPosition, type ScrubAnswer } from '@driftless/contracts';
import { failureOf } from '../output/failure.ts';
import { atOnePosition, type Comparison, compareDumps, type Difference } from './compare.ts';

/** Pause before dumps are asked for again, in milliseconds. */
const retryWaitMs = 150;

export interface OpenedDump {
  head: DumpHead;
  rows: AsyncIterator<DumpRow>;
  close(): void;
}

export interface VerifyPorts {
  openDump(url: string, shard: number): Promise<OpenedDump>;
  scrub(url: string, shard: number): Promise<ScrubAnswer>;
  wait(ms: number): Promise<void>;
  /** Monotonic, in milliseconds. */
  now(): number;
}

export interface Replica {
  node: string;
  /** Absent when the gateway doesn't know where the node is. */
  url: string | undefined;
}

export type Outcome = 'equal' | 'different' | 'not comparable';

export interface ReplicaVerdict {
  node: string;
  position?: string;
  rows?: number;
  tombstones?: number;
  keptRoot?: string;
  rowsRoot?: string;
  scrub?: { sound: boolean; entries: number; corruptKeys: string[] };
  /** What is wrong with this replica by itself. */
  problem?: string;
}

export interface ShardVerdict {
  shard: number;
  outcome: Outcome;
  /** Why not comparable, or in what way different. */
  reason?: string;
  replicas: ReplicaVerdict[];
  keys: number;
  differing: number;
  differences: Difference[];
}

export async function verifyShard(
  shard: number,
  replicas: readonly Replica[],
  patienceMs: number,
  ports: VerifyPorts,
): Promise<ShardVerdict> {
  const deadline = ports.now() + patienceMs;
  for (;;) {
    const attempt = await compareOnce(shard, replicas, ports);
    if ('comparison' in attempt) {
      const scrubs = await Promise.all(replicas.map((replica) => scrubOf(replica, shard, ports)));
      return judge(shard, attempt, scrubs);
    }
    if (ports.now() >= deadline) return notComparable(shard, attempt);
    await ports.wait(retryWaitMs);
  }
}

interface NoComparison {
  reason: string;
  replicas: ReplicaVerdict[];
}
interface Compared {
  heads: DumpHead[];
  comparison: Comparison;
}

async function compareOnce(
  shard: number,
  replicas: readonly Replica[],
  ports: VerifyPorts,
): Promise<Compared | NoComparison> {
  const opened = await Promise.all(replicas.map((replica) => open(replica, shard, ports)));
  try {
    const dumps = opened.flatMap((result) =>
      'dump' in result ? [{ node: result.node, ...result.dump }] : [],
    );
    const verdicts = opened.map(
      (result): ReplicaVerdict =>
        'dump' in result ? { node: result.node, ...headOf(result.dump.head) } : result,
    );
    const silent = opened.find((result) => !('dump' in result));
    if (silent) return { reason: `${silent.node} gives no dump`, replicas: verdicts };
    const heads = dumps.map(({ head }) => head);
    if (!atOnePosition(heads))
      return { reason: 'the replicas are at different positions', replicas: verdicts };
    try {
      return { heads, comparison: await compareDumps(dumps) };
    } catch (error) {
      return { reason: `a dump broke off: ${failureOf(error).message}`, replicas: verdicts };
    }
  } finally {
    for (const result of opened) if ('dump' in result) result.dump.close();
  }
}

type Opened = { node: string; dump: OpenedDump } | { node: string; problem: string };

async function open({ node, url }: Replica, shard: number, ports: VerifyPorts): Promise<Opened> {
  if (url === undefined) return { node, problem: 'the gateway does not know where it is' };
  try {
    return { node, dump: await ports.openDump(url, shard) };
  } catch (error) {
    return { node, problem: problemOf(error, url) };
  }
}

function headOf({ position, root }: DumpHead): Pick<ReplicaVerdict, 'position' | 'keptRoot'> {
  return { position: formatPosition(position), keptRoot: root };
}

type Scrubbed = { answer: ScrubAnswer } | { problem: string };

async function scrubOf({ url }: Replica, shard: number, ports: VerifyPorts): Promise<Scrubbed> {
  try {
    return { answer: await ports.scrub(url as string, shard) };
  } catch (error) {
    return { problem: `the scrub failed: ${problemOf(error, url)}` };
  }
}

function problemOf(error: unknown, url: string | undefined): string {
  const { message, code } = failureOf(error, url);
  return code === undefined ? message : `${message} (${code})`;
}

function judge(shard: number, { heads, comparison }: Compared, scrubs: readonly Scrubbed[]): ShardVerdict {
  const { keys, differing, differences } = comparison;
  const replicas = comparison.replicas.map((contents, i): ReplicaVerdict => {
    const verdict: ReplicaVerdict = { ...headOf(heads[i] as DumpHead), ...contents };
    if (contents.rowsRoot !== contents.keptRoot) verdict.problem = 'its rows do not have the root it keeps';
    const scrubbed = scrubs[i] as Scrubbed;
    if ('problem' in scrubbed) return { ...verdict, problem: verdict.problem ?? scrubbed.problem };
    const { sound, entries, corruptKeys } = scrubbed.answer;
    verdict.scrub = { sound, entries, corruptKeys };
    if (!sound) verdict.problem ??= 'its scrub found damage';
    return verdict;
  });
  const base = { shard, replicas, keys, differing, differences };
  if (differing > 0) return { ...base, outcome: 'different', reason: `${differing} of ${keys} keys differ` };
  const damaged = replicas.find(
    (replica) => replica.keptRoot !== replica.rowsRoot || replica.scrub?.sound === false,
  );
  if (damaged) return { ...base, outcome: 'different', reason: `${damaged.node}: ${damaged.problem}` };
  const unknown = replicas.find(({ problem }) => problem !== undefined);
  if (unknown) return { ...base, outcome: 'not comparable', reason: `${unknown.node}: ${unknown.problem}` };
  return { ...base, outcome: 'equal' };
}

function notComparable(shard: number, { reason, replicas }: NoComparison): ShardVerdict {
  return { shard, outcome: 'not comparable', reason, replicas, keys: 0, differing: 0, differences: [] };
}
