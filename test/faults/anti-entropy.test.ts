/**
 * Drift of every kind, on a follower and on a leader, at rest and while clients write: it is found, healed
 * to the very keys by nodes and anti-entropy alone, and all replicas end with the same rows.
 */
import { injectAnswerSchema, injectKinds, type ReplicaStatus } from '@driftless/contracts';
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
const antiEntropy = { DRIFTLESS_ROUND_EVERY_MS: '5000', DRIFTLESS_ROUND_RETRY_MS: '500' };
const keptKeys = Array.from({ length: 200 }, (_, i) => `kept-${i}`);
const healedWithinMs = 60_000;

class Scene {
  readonly cluster: TestCluster;
  #puts = 0;
  /** Where each node's log stood when something was spoiled last. */
  #logs = new Map<string, number>();

  constructor(cluster: TestCluster) {
    this.cluster = cluster;
  }

  async put(key: string, ack = 'all'): Promise<number> {
    this.#puts += 1;
    const answer = await fetch(`${this.cluster.gatewayUrl}/v1/kv/${key}?ack=${ack}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(`${key} ${this.#puts}`),
    });
    return answer.status;
  }

  async post(node: string, what: string, body: unknown): Promise<{ status: number; body: unknown }> {
    const answer = await fetch(`${this.cluster.nodeUrl(node)}/node/v1/shards/0/${what}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  }

  get names(): string[] {
    return this.cluster.nodes.map(({ name }) => name);
  }

  async victim(role: 'follower' | 'leader'): Promise<string> {
    const leader = await this.cluster.leaderOf(0);
    return role === 'leader' ? leader : (this.names.find((name) => name !== leader) as string);
  }

  replicas(): Promise<ReplicaStatus[]> {
    return Promise.all(this.names.map((name) => this.cluster.replica(name, 0)));
  }

  async driftEvents(): Promise<number> {
    return (await this.replicas()).reduce((sum, { counts }) => sum + counts.driftEvents, 0);
  }

  /** Spoils a replica; the keys that are wrong then, where they are known. */
  async spoil(node: string, kind: Kind): Promise<string[]> {
    this.#logs = new Map(this.cluster.nodes.map((one) => [one.name, one.output().length]));
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

  /** Keys that nodes say they have repaired since something was spoiled last. */
  repaired(): string[] {
    const lines = this.cluster.nodes.flatMap((node) =>
      node.output().slice(this.#logs.get(node.name)).split('\n'),
    );
    const keys = lines
      .filter((line) => line.includes('repaired rows'))
      .flatMap((line) => (JSON.parse(line) as { keys: string[] }).keys);
    return [...new Set(keys)].sort();
  }

  /** Until all replicas are healthy and one leads, and `keys` have been repaired. */
  async healed(keys: readonly string[]): Promise<void> {
    let seen = '';
    await this.cluster.until(
      () => `the replicas to be healed; last seen:\n${seen}`,
      async () => {
        const replicas = await this.replicas();
        const repaired = this.repaired();
        seen = `${JSON.stringify(replicas, undefined, 1)}\nrepaired: ${repaired.join()}`;
        const healthy = replicas.every(({ health }) => health === 'healthy');
        const leads = replicas.some(({ role }) => role === 'leading');
        return healthy && leads && keys.every((key) => repaired.includes(key));
      },
      healedWithinMs,
    );
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

let scene: Scene;
const startWith = (env: object) => async (): Promise<void> => {
  scene = new Scene(await TestCluster.start({ shards: 1, nodeEnv: { ...nodeEnv, ...env }, antiEntropy }));
  const statuses = await Promise.all(keptKeys.map((key) => scene.put(key)));
  expect(new Set(statuses)).toEqual(new Set([201]));
};
const start = startWith({});
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
      expect(await scene.put('kept-7', 'stream')).toBe(200);
    }
    await scene.cluster.until('the drift to be found', async () => (await scene.driftEvents()) > before);
    await scene.healed(keys);
    await scene.expectEqualDumps();
    expect(scene.repaired()).toEqual(keys.sort());
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
    await scene.healed(keys);
    await load.more(100);
    const history = await load.stop();
    await scene.expectEqualDumps();
    // Which keys the skipped event wrote nobody has told.
    if (kind !== 'skip-event') expect(scene.repaired()).toEqual(keys.sort());
    expect(await problemsOf(scene.cluster, history)).toEqual([]);
  });
});

describe('a replica', () => {
  // The leader is to write before anything tells it that it lost a row.
  beforeAll(startWith({ DRIFTLESS_SCRUB_ROWS_PER_SECOND: '0' }));
  afterAll(stop);

  it('may lead although it drifted, when the stamp was wrong and a majority agrees with it', async () => {
    const leader = await scene.victim('leader');
    const { applied } = await scene.cluster.replica(leader, 0);
    await scene.post(leader, 'inject', { kind: 'drop-row', key: 'kept-9' });
    // The root that the leader takes from here on still has the row that it lost.
    expect(await scene.put('kept-9', 'leader')).toBe(201);
    await scene.cluster.until('the followers to drift', async () => (await scene.driftEvents()) >= 2);
    await scene.healed([]);
    await scene.expectEqualDumps();
    expect((await scene.cluster.replica(leader, 0)).applied.epoch).toBeGreaterThan(applied.epoch);
    expect(scene.cluster.outputs().join()).toContain('the root of the last event is one that no replica has');
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
