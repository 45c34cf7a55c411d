/**
 * Drift of every kind, on a follower and on a leader, at rest and while clients write: it is found, healed by
 * exchanges to the very keys, and all replicas end with the same rows. Here the test is the one that says who
 * compares with whom.
 */
import {
  type Difference,
  type ExchangeAnswer,
  exchangeAnswerSchema,
  injectAnswerSchema,
  injectKinds,
  type ReplicaStatus,
} from '@driftless/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../harness/cluster.ts';
import { dumpOf, problemsOf } from '../harness/dump.ts';
import { Load } from '../harness/load.ts';

type Kind = (typeof injectKinds)[number];

const nodeEnv = {
  DRIFTLESS_INJECT: 'true',
  // A round takes a second or so, and nobody takes a snapshot before exchanges have had their time.
  DRIFTLESS_SCRUB_ROWS_PER_SECOND: '5000',
  DRIFTLESS_DRIFTED_MS_MAX: '600000',
};
const keptKeys = Array.from({ length: 200 }, (_, i) => `kept-${i}`);
const healedWithinMs = 60_000;

class Scene {
  readonly cluster: TestCluster;
  #puts = 0;

  constructor(cluster: TestCluster) {
    this.cluster = cluster;
  }

  async put(key: string): Promise<void> {
    this.#puts += 1;
    const answer = await fetch(`${this.cluster.gatewayUrl}/v1/kv/${key}?ack=all`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(`${key} ${this.#puts}`),
    });
    expect(answer.ok, `PUT ${key}: ${answer.status}`).toBe(true);
  }

  async post(node: string, what: string, body: unknown): Promise<{ status: number; body: unknown }> {
    const answer = await fetch(`${this.cluster.nodeUrl(node)}/node/v1/shards/0/${what}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  }

  async victim(role: 'follower' | 'leader'): Promise<string> {
    const leader = await this.cluster.leaderOf(0);
    if (role === 'leader') return leader;
    return this.names.find((name) => name !== leader) as string;
  }

  get names(): string[] {
    return this.cluster.nodes.map(({ name }) => name);
  }

  replicas(): Promise<ReplicaStatus[]> {
    return Promise.all(this.names.map((name) => this.cluster.replica(name, 0)));
  }

  async driftEvents(): Promise<number> {
    return (await this.replicas()).reduce((sum, { counts }) => sum + counts.driftEvents, 0);
  }

  /** Spoils a replica; the keys that are wrong then, where they are known. */
  async spoil(node: string, kind: Kind): Promise<string[]> {
    const inKeys = kind === 'flip-value' || kind === 'drop-row';
    const wanted = inKeys ? ['kept-3', 'kept-50', 'kept-199'] : [undefined];
    const keys: string[] = [];
    for (const key of wanted) {
      const count = kind === 'alien-row' || kind === 'spoil-tree' ? 3 : 1;
      const { status, body } = await this.post(node, 'inject', { kind, count, ...(key && { key }) });
      expect(status, JSON.stringify(body)).toBe(200);
      keys.push(...injectAnswerSchema.parse(body).keys);
    }
    return keys;
  }

  /** Every replica that doesn't lead compares itself with every other; what was asked and can't be is left. */
  async round(): Promise<ExchangeAnswer[]> {
    const answers: ExchangeAnswer[] = [];
    for (const ours of this.names) {
      for (const peer of this.names) {
        if (peer === ours) continue;
        const header = { with: peer, mode: 'heal', keysMax: 1000, bytesMax: 10_000_000 };
        const { status, body } = await this.post(ours, 'exchange', header);
        if (status === 200) answers.push(exchangeAnswerSchema.parse(body));
        else expect([409, 429, 503], JSON.stringify(body)).toContain(status);
      }
    }
    return answers;
  }

  /** Rounds until `keys` are healed and every replica is healthy and equal to every other, by its own word. */
  async heal(keys: readonly string[]): Promise<Difference[]> {
    const differences: Difference[] = [];
    await this.cluster.until(
      'all replicas to be healed',
      async () => {
        const answers = await this.round();
        differences.push(...answers.flatMap((answer) => answer.differences));
        const healthy = (await this.replicas()).every(({ health }) => health === 'healthy');
        const equal = answers.length >= 4 && answers.every(({ outcome }) => outcome === 'equal');
        const healed = healedKeys(differences);
        if (!keys.every((key) => healed.includes(key))) return false;
        return healthy && equal && (await this.replicas()).some(({ role }) => role === 'leading');
      },
      healedWithinMs,
    );
    return differences;
  }

  async expectEqualDumps(): Promise<void> {
    await this.cluster.converged();
    const [first, ...others] = await Promise.all(this.names.map((name) => dumpOf(this.cluster, name, 0)));
    for (const { rows, root, head } of others) {
      expect(root).toBe(first?.root);
      expect(head).toMatchObject({ position: first?.head.position, root });
      expect(rows).toEqual(first?.rows);
    }
  }
}

/** Keys that a repair was decided for. */
function healedKeys(differences: readonly Difference[]): string[] {
  const healed = differences.filter(({ action }) => action === 'take' || action === 'remove');
  return [...new Set(healed.map(({ key }) => key))].sort();
}

let scene: Scene;
const start = async (): Promise<void> => {
  scene = new Scene(await TestCluster.start({ shards: 1, nodeEnv }));
  await Promise.all(keptKeys.map((key) => scene.put(key)));
};
const stop = (): Promise<void> | undefined => scene?.cluster.stop();

describe.each(['follower', 'leader'] as const)('drift of a %s at rest', (role) => {
  beforeAll(start);
  afterAll(stop);

  it.each(injectKinds)('%s is found, healed to the key, and dumps are equal', async (kind) => {
    const victim = await scene.victim(role);
    const [before, { applied }] = [await scene.driftEvents(), await scene.cluster.replica(victim, 0)];
    const keys = await scene.spoil(victim, kind);
    if (kind === 'skip-event') {
      keys.push('kept-7');
      await scene.put('kept-7');
    }
    await scene.cluster.until('the drift to be found', async () => (await scene.driftEvents()) > before);
    const differences = await scene.heal(keys);
    expect(healedKeys(differences)).toEqual(keys.sort());
    await scene.expectEqualDumps();
    const { applied: after } = await scene.cluster.replica(victim, 0);
    const handsOver = role === 'leader' && kind !== 'rewind-cursor';
    if (handsOver) expect(after.epoch, 'a damaged leader hands over').toBeGreaterThan(applied.epoch);
  });
});

describe.each(['follower', 'leader'] as const)('drift of a %s under 200 writes a second', (role) => {
  beforeAll(start);
  afterAll(stop);

  it.each(injectKinds)('%s is found, healed, and dumps are equal', async (kind) => {
    const load = new Load(scene.cluster, { perSecond: 200, ack: 'stream', name: `${role} ${kind}` });
    await load.more(200);
    const victim = await scene.victim(role);
    const before = await scene.driftEvents();
    const keys = await scene.spoil(victim, kind);
    await scene.cluster.until('the drift to be found', async () => (await scene.driftEvents()) > before);
    const differences = await scene.heal(keys);
    // Which keys the skipped event wrote nobody has told.
    if (kind !== 'skip-event') expect(healedKeys(differences)).toEqual(keys.sort());
    await load.more(100);
    const history = await load.stop();
    await scene.expectEqualDumps();
    expect(await problemsOf(scene.cluster, history)).toEqual([]);
  });
});

describe('a replica', () => {
  beforeAll(start);
  afterAll(stop);

  it('whose leader stamped a root that nobody comes to may lead, when a majority agrees with it', async () => {
    const leader = await scene.victim('leader');
    const { applied } = await scene.cluster.replica(leader, 0);
    await scene.post(leader, 'inject', { kind: 'drop-row', key: 'kept-9' });
    // The root that the leader takes from here on still has the row that it lost.
    await fetch(`${scene.cluster.gatewayUrl}/v1/kv/kept-9?ack=stream`, { method: 'PUT', body: '"again"' });
    const followers = scene.names.filter((name) => name !== leader);
    await scene.cluster.until('both followers to drift', async () => {
      const statuses = await Promise.all(followers.map((name) => scene.cluster.replica(name, 0)));
      return statuses.every(({ drift }) => drift !== undefined);
    });
    await scene.heal([]);
    await scene.expectEqualDumps();
    expect((await scene.cluster.replica(leader, 0)).applied.epoch).toBeGreaterThan(applied.epoch);
  });

  it('takes a copy of another when that is ordered, and refuses while it leads', async () => {
    const [leader, follower] = [await scene.victim('leader'), await scene.victim('follower')];
    expect(await scene.post(leader, 'restore', {})).toMatchObject({
      status: 409,
      body: { code: 'is-leader' },
    });
    expect(await scene.post(follower, 'restore', {})).toMatchObject({ status: 202 });
    await scene.cluster.until('the copy to be installed', async () =>
      scene.cluster.node(follower).output().includes('installed a snapshot'),
    );
    await scene.expectEqualDumps();
  });
});

it('is not injected where the configuration does not allow it', async () => {
  const cluster = await TestCluster.start({ shards: 1, nodes: 1 });
  try {
    const { status, body } = await new Scene(cluster).post('node-1', 'inject', { kind: 'drop-row' });
    expect(status).toBe(403);
    expect(body).toMatchObject({ code: 'forbidden' });
  } finally {
    await cluster.stop();
  }
});
