/**
 * What it costs to compare two replicas and to heal one, by how many keys differ and how many there are: two
 * real nodes that hold one shard. Drift is made by an event that the follower skips, so that it holds old
 * versions and its tree tells; nobody but this benchmark orders exchanges.
 */
import type { BatchAnswer, ExchangeAnswer } from '@driftless/contracts';
import { TestCluster } from '@driftless/test';

export interface HealPlan {
  /** Keys in the shard, ascending. */
  keys: readonly number[];
  differing: readonly number[];
  repeats: number;
  /** Of the largest of both: enough for a p99 to be no accident of five. */
  repeatsOfLargest: number;
  valueBytes: number;
  say(line: string): void;
}

export interface HealCost {
  keys: number;
  differing: number;
  /** Of every repetition: a comparison that named the keys and changed nothing, and one that healed them. */
  /** From the next write on until the follower said that it is drifted, milliseconds. */
  detectMs: number[];
  diffs: ExchangeAnswer[];
  heals: ExchangeAnswer[];
}

const json = { 'content-type': 'application/json' };
const batchOperations = 1000;
/** Few enough for the gateway to send them on as one event. */
const eventOperations = 500;
const batchesAtOnce = 4;

export async function healCosts(plan: HealPlan): Promise<HealCost[]> {
  const cluster = await TestCluster.start({
    nodes: 2,
    shards: 1,
    antiEntropy: false,
    nodeEnv: {
      DRIFTLESS_INJECT: 'true',
      // Nobody else is to find the drift, or to take a copy because of it.
      DRIFTLESS_SCRUB_ROWS_PER_SECOND: '0',
      DRIFTLESS_DRIFTED_MS_MAX: '3600000',
    },
  });
  try {
    const costs: HealCost[] = [];
    let loaded = 0;
    for (const keys of plan.keys) {
      plan.say(`loading ${keys} keys`);
      await load(cluster, loaded, keys, plan.valueBytes);
      const pair = new Pair(cluster, plan, await sidesOf(cluster), loaded);
      loaded = keys;
      for (const differing of [0, ...plan.differing]) costs.push(await costOf(pair, keys, differing));
    }
    return costs;
  } finally {
    await cluster.stop();
  }
}

async function costOf(pair: Pair, keys: number, differing: number): Promise<HealCost> {
  const { plan } = pair;
  const isLargest = keys === plan.keys.at(-1) && differing === plan.differing.at(-1);
  const cost: HealCost = { keys, differing, detectMs: [], diffs: [], heals: [] };
  for (let i = 0; i < (isLargest ? plan.repeatsOfLargest : plan.repeats); i += 1) {
    if (differing > 0) cost.detectMs.push(await pair.drift(differing));
    cost.diffs.push(await pair.exchange('diff', differing));
    if (differing > 0) cost.heals.push(await pair.exchange('heal', differing));
  }
  const tookMs = [...cost.diffs, ...cost.heals].map((answer) => answer.tookMs).join(' ');
  plan.say(`${differing} of ${keys} keys: ${tookMs} ms`);
  return cost;
}

interface Sides {
  leader: string;
  follower: string;
}

async function sidesOf(cluster: TestCluster): Promise<Sides> {
  const leader = await cluster.leaderOf(0);
  const follower = cluster.nodes.find(({ name }) => name !== leader)?.name;
  if (follower === undefined) throw new Error('There is no follower.');
  return { leader, follower };
}

/** The follower, which drifts and compares itself, and its leader. */
class Pair {
  readonly plan: HealPlan;
  readonly #cluster: TestCluster;
  readonly #sides: Sides;
  /** No key is met twice: one that is healed again and again would be left to a person. */
  #nextKey: number;
  /** The one that is written to tell the follower. */
  readonly #writtenKey: number;

  constructor(cluster: TestCluster, plan: HealPlan, sides: Sides, firstKey: number) {
    this.#cluster = cluster;
    this.plan = plan;
    this.#sides = sides;
    this.#writtenKey = firstKey;
    this.#nextKey = firstKey + 1;
  }

  /**
   * So many keys get a value that the follower does not; their buckets are anywhere, by their hashes. How
   * long it took from the next write on until the follower said so.
   */
  async drift(differing: number): Promise<number> {
    const first = this.#nextKey;
    this.#nextKey += differing;
    const numbers = Array.from({ length: differing }, (_, i) => first + i);
    await this.#order('inject', { kind: 'skip-event', count: Math.ceil(differing / eventOperations) });
    for (let i = 0; i < differing; i += eventOperations) {
      const some = numbers.slice(i, i + eventOperations);
      await write(this.#cluster, some, 'second', this.plan.valueBytes);
    }
    const startedAt = performance.now();
    const told = this.#isDrifted();
    await write(this.#cluster, [this.#writtenKey], 'again', this.plan.valueBytes);
    await told;
    return performance.now() - startedAt;
  }

  async #isDrifted(): Promise<void> {
    while ((await this.#cluster.replica(this.#sides.follower, 0)).health !== 'drifted') {
      await new Promise(setImmediate);
    }
  }

  /** Throws when it did not find, and heal, exactly what it should. */
  async exchange(mode: 'diff' | 'heal', differing: number): Promise<ExchangeAnswer> {
    const budget = { keysMax: 10_000, bytesMax: 64 * 1024 * 1024 };
    const order = { with: this.#sides.leader, mode, ...budget };
    const answer = (await this.#order('exchange', order)) as ExchangeAnswer;
    const { outcome, counts } = answer;
    const wanted = mode === 'heal' || differing === 0 ? 'equal' : 'different';
    const healed = mode === 'heal' ? differing : 0;
    if (outcome === wanted && counts.found === differing && counts.healed === healed) return answer;
    throw new Error(
      `${mode} of ${differing} keys ended with ${JSON.stringify({ ...answer, differences: [] })}`,
    );
  }

  async #order(what: 'inject' | 'exchange', header: unknown): Promise<unknown> {
    const url = `${this.#cluster.nodeUrl(this.#sides.follower)}/node/v1/shards/0/${what}`;
    return answerOf(await fetch(url, { method: 'POST', headers: json, body: JSON.stringify(header) }));
  }
}

/** Puts keys of these numbers. */
export async function load(
  cluster: TestCluster,
  from: number,
  to: number,
  valueBytes: number,
): Promise<void> {
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) {
      const first = next;
      next = Math.min(to, first + batchOperations);
      const numbers = Array.from({ length: next - first }, (_, i) => first + i);
      await write(cluster, numbers, 'first', valueBytes);
    }
  };
  await Promise.all(Array.from({ length: batchesAtOnce }, work));
}

/** As one batch, on both replicas when it resolves. */
async function write(
  cluster: TestCluster,
  numbers: readonly number[],
  word: string,
  valueBytes: number,
): Promise<void> {
  const operations = numbers.map((number) => ({
    op: 'put',
    key: `key-${number}`,
    // As JSON it has two quotes.
    value: `${number} ${word} `.padEnd(valueBytes - 2, 'x'),
  }));
  const url = `${cluster.gatewayUrl}/v1/batch?ack=all`;
  const answer = await fetch(url, { method: 'POST', headers: json, body: JSON.stringify({ operations }) });
  const { results } = (await answerOf(answer)) as BatchAnswer;
  const refused = results.find(({ problem }) => problem);
  if (refused) throw new Error(`A write was refused: ${JSON.stringify(refused)}`);
}

async function answerOf(answer: Response): Promise<unknown> {
  if (!answer.ok) throw new Error(`${answer.url} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}
