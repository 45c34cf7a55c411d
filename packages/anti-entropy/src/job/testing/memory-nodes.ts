/**
 * Store nodes in memory, as far as the job sees them: replicas of one shard, each with the keys that it has
 * wrong. An exchange takes as long as the test says, and heals what a real one would; what only a higher rung
 * heals is marked so.
 */
import type {
  Difference,
  ExchangeAnswer,
  ExchangeHeader,
  NodeStatus,
  ReplicaHealth,
  ReplicaRole,
  Rung,
  VerifiedHeader,
} from '@driftless/contracts';
import type { Clock } from '@driftless/runtime';
import type { Nodes } from '../ports.ts';

export class MemoryReplica {
  role: ReplicaRole = 'following';
  health: ReplicaHealth = 'healthy';
  /** Keys whose rows are wrong here, and the rung that heals them. */
  readonly wrong = new Map<string, Rung>();
  /** It has met that something is wrong. */
  knows = false;
  seq = 100;
  /** Does not answer. */
  away = false;
  /** Is told no more of by statuses. */
  silent = false;
  /** A copy of a peer's file is on its way: it takes the place of all that is wrong. */
  copying = false;
}

export class MemoryNodes implements Nodes {
  readonly replicas: Map<string, MemoryReplica>;
  readonly calls: string[] = [];
  readonly verifiedAt: VerifiedHeader[] = [];
  /** Exchanges under way, of all processes that ask. */
  atWork = 0;
  mostAtWork = 0;
  exchangeMs = 20;
  readonly #clock: Clock;
  readonly #shard: number;

  constructor(clock: Clock, names: readonly string[], shard = 0) {
    this.#clock = clock;
    this.#shard = shard;
    this.replicas = new Map(names.map((name) => [name, new MemoryReplica()]));
    this.replica(names[0] ?? '').role = 'leading';
  }

  replica(name: string): MemoryReplica {
    const replica = this.replicas.get(name);
    if (!replica) throw new Error(`no node ${name}`);
    return replica;
  }

  statuses(): NodeStatus[] {
    return [...this.replicas].flatMap(([node, replica]) =>
      replica.silent ? [] : [this.#statusOf(node, replica)],
    );
  }

  #statusOf(node: string, replica: MemoryReplica): NodeStatus {
    const drifted = replica.knows && replica.wrong.size > 0;
    return {
      node,
      incarnation: 'life',
      url: `http://${node}`,
      startedAt: '2026-01-01T00:00:00Z',
      natsConnected: true,
      draining: false,
      members: [],
      shards: [
        {
          shard: this.#shard,
          role: replica.role,
          health: replica.health === 'healthy' && drifted ? 'drifted' : replica.health,
          members: [...this.replicas.keys()],
          applied: { epoch: 1, seq: replica.seq },
          root: '',
          stream: { seq: 1, createdAt: '' },
          counts: { driftEvents: 0, corruptRows: 0, quarantined: 0, orphans: 0, gaps: 0 },
        },
      ],
    };
  }

  async exchange(
    node: string,
    shard: number,
    header: ExchangeHeader,
    signal: AbortSignal,
  ): Promise<ExchangeAnswer> {
    this.calls.push(
      `${node} ${header.mode} with ${header.with}${header.rung === 'bucket' ? ' buckets' : ''}`,
    );
    this.atWork += 1;
    this.mostAtWork = Math.max(this.mostAtWork, this.atWork);
    await this.#clock.sleep(this.exchangeMs);
    this.atWork -= 1;
    signal.throwIfAborted();
    const [ours, theirs] = [this.replica(node), this.replica(header.with)];
    if (ours.away) throw new Error(`${node} does not answer.`);
    const names = { node, with: header.with, shard };
    if (theirs.away) return { ...names, ...notComparable('The peer did not answer.') };
    if (ours.seq !== theirs.seq) return { ...names, ...notComparable('They did not meet.') };
    return { ...names, ...compare(ours, theirs, header) };
  }

  async restore(node: string): Promise<void> {
    this.calls.push(`${node} restore`);
    const replica = this.replica(node);
    replica.health = 'restoring';
    this.#clock.after(1_000, () => {
      for (const [key, rung] of replica.wrong) if (rung !== 'operator') replica.wrong.delete(key);
      replica.health = 'healthy';
    });
  }

  async scrub(node: string): Promise<void> {
    this.calls.push(`${node} scrub`);
    const replica = this.replica(node);
    replica.knows = true;
    if (replica.role !== 'leading' || replica.wrong.size === 0) return;
    // It hands over to one that is well.
    const next = [...this.replicas.values()].find(({ wrong }) => wrong.size === 0);
    if (!next) return;
    replica.role = 'following';
    next.role = 'leading';
  }

  async verified(node: string, _shard: number, header: VerifiedHeader): Promise<void> {
    this.calls.push(`${node} verified`);
    this.verifiedAt.push(header);
  }
}

const nothing = { found: 0, compared: 0, healed: 0, leaves: 0, bytesReceived: 64, bytesShipped: 0 };
const nothingLeft = {
  repair: 0,
  budget: 0,
  keep: 0,
  wait: 0,
  undecided: 0,
  stopped: 0,
  ourLeaves: 0,
  theirLeaves: 0,
};

type Compared = Omit<ExchangeAnswer, 'node' | 'with' | 'shard'>;

function notComparable(reason: string): Compared {
  const counts = { ...nothing };
  return { outcome: 'not-comparable', reason, differences: [], counts, left: { ...nothingLeft }, tookMs: 1 };
}

function compare(ours: MemoryReplica, theirs: MemoryReplica, header: ExchangeHeader): Compared {
  const rungs: readonly Rung[] = header.rung === 'bucket' ? ['key', 'bucket'] : ['key'];
  const left = { ...nothingLeft };
  const counts = { ...nothing };
  const differences: Difference[] = [];
  const tell = (key: string, action: Difference['action']): void => {
    differences.push({ key, bucket: key.length, action, reason: 'By the test.' });
  };
  for (const [key, rung] of [...ours.wrong]) {
    counts.found += 1;
    tell(key, rung === 'operator' ? 'undecided' : 'take');
    if (rung === 'operator') left.undecided += 1;
    else if (header.mode === 'diff' || !rungs.includes(rung)) left.repair += 1;
    else if (counts.healed >= header.keysMax) left.budget += 1;
    else {
      ours.wrong.delete(key);
      counts.healed += 1;
    }
  }
  for (const key of theirs.wrong.keys()) {
    counts.found += 1;
    left.keep += 1;
    tell(key, 'keep');
  }
  const isEqual = Object.values(left).every((count) => count === 0);
  return {
    outcome: isEqual ? 'equal' : 'different',
    ...(!isEqual && { reason: `Left: ${JSON.stringify(left)}.` }),
    position: { epoch: 1, seq: ours.seq },
    root: 'r',
    differences,
    counts,
    left,
    tookMs: 1,
  };
}
