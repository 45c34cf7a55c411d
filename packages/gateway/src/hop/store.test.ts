import { Buffer } from 'node:buffer';
import { parsePosition, type WriteOperation } from '@driftless/contracts';
import { createTelemetry, loadConfig, waitUntil } from '@driftless/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GatewayConfig, gatewayConfigSchema } from '../config.ts';
import { Session } from '../core/session.ts';
import { createGatewayTelemetry } from '../telemetry.ts';
import { FakeNode } from '../testing/fake-node.ts';
import type { Write } from './pending-write.ts';
import { RoutingTable } from './routing-table.ts';
import { Store } from './store.ts';

const soon = { timeoutMs: 5_000, intervalMs: 5 };
const shardCount = 1;

function put(key: string, idempotencyKey?: string): Write {
  const value = Buffer.from(`value of ${key}`);
  const operation: WriteOperation = { op: 'put', key, bytes: value.length, type: 'text/plain' };
  if (idempotencyKey !== undefined) operation.idempotency = { id: idempotencyKey, fingerprint: 'f' };
  return { operation, value };
}

describe('the store over its nodes', () => {
  let nodes: FakeNode[];
  let [a, b]: FakeNode[] = [];
  let table: RoutingTable;
  let store: Store;
  const telemetry = createTelemetry({ service: 'gateway', instance: 'test' });
  const instruments = createGatewayTelemetry(telemetry);

  beforeEach(async () => {
    const values = new Map();
    nodes = [await new FakeNode('a', values).start(), await new FakeNode('b', values).start()];
    [a, b] = nodes;
    open({});
  });

  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await store.close();
  });

  function open(overrides: Partial<GatewayConfig>): void {
    const config = loadConfig(gatewayConfigSchema, {
      env: {},
      overrides: {
        routeWaitMs: 1000,
        writeTimeoutMs: 300,
        hopMarginMs: 100,
        readTimeoutMs: 300,
        ...overrides,
      },
    });
    table = new RoutingTable(config);
    store = new Store(config, table, instruments);
    const members = nodes.map(({ name }) => name);
    const cluster = {
      format: 1 as const,
      cluster: 'test',
      id: 'x',
      shardCount,
      members,
      replicationFactor: 2,
    };
    table.hear({ type: 'cluster-known', cluster });
  }

  /** All nodes tell their status; `leader` leads, if anybody. */
  function lead(leader?: FakeNode): void {
    for (const node of nodes) {
      const status = node.status(node === leader ? 'leading' : 'following', shardCount);
      table.hear({ type: 'status-heard', status });
    }
  }

  const writeOne = async (key: string, idempotencyKey?: string) => {
    const { results, node } = await store.write('stream', put(key, idempotencyKey));
    return { ...results[0], node };
  };

  describe('writes', () => {
    it('of one turn go in one request, and one alone goes at once', async () => {
      lead(a);
      const outcomes = await Promise.all(Array.from({ length: 64 }, (_, n) => writeOne(`k${n}`)));
      expect(outcomes.every(({ version, node }) => version !== undefined && node === 'a')).toBe(true);
      expect(a?.writes.map(({ operations }) => operations.length)).toEqual([64]);
      await writeOne('alone');
      expect(a?.writes).toHaveLength(2);
    });

    it('of one request begin sessions at its newest version, a replay beside them or not', async () => {
      lead(a);
      await writeOne('first', 'id');
      const sessions = Array.from({ length: 3 }, () => new Session());
      const keys: [string, string?][] = [['x'], ['y'], ['first', 'id']];
      const writes = keys.map(([key, id], i) => store.write('stream', put(key, id), sessions[i]));
      const [, newest, replay] = (await Promise.all(writes)).map(({ results }) => results[0]);
      expect(replay).toMatchObject({ replayed: true });
      expect(a?.writes.at(-1)?.operations).toHaveLength(3);
      for (const session of sessions) {
        expect(session.seen(0)).toEqual(parsePosition(newest?.version as string));
      }
    });

    it('of a session that goes on bind it to their own version', async () => {
      lead(a);
      const session = new Session(new Map([[0, { epoch: 1, seq: 0 }]]));
      const [{ results }] = await Promise.all([store.write('stream', put('x'), session), writeOne('y')]);
      expect(session.seen(0)).toEqual(parsePosition(results[0]?.version as string));
    });

    it('of other ack levels do not share a request', async () => {
      lead(a);
      await Promise.all([store.write('stream', put('x')), store.write('all', put('y'))]);
      expect(a?.writes.map(({ ack }) => ack).sort()).toEqual(['all', 'stream']);
    });

    it('wait for a leader, and take the one that comes', async () => {
      lead();
      const writing = writeOne('k');
      setTimeout(() => lead(b), 100);
      expect(await writing).toMatchObject({ node: 'b' });
    });

    it('are told no-leader when none comes in time', async () => {
      lead();
      expect(await writeOne('k')).toMatchObject({ error: 'no-leader' });
    });

    it('follow the leadership when the old leader refuses', async () => {
      lead(a);
      if (a) a.fault = { type: 'refuse', code: 'not-leader' };
      if (b) b.epoch = 2;
      const writing = writeOne('k');
      setTimeout(() => lead(b), 100);
      expect(await writing).toMatchObject({ node: 'b', version: '2-2' });
    });

    it('go again when a node refuses some of a request, and only those', async () => {
      lead(a);
      if (a) a.fault = { type: 'result', prefix: 'later', result: { error: 'not-leader' } };
      const writing = Promise.all([writeOne('now'), writeOne('later'), writeOne('now too')]);
      await waitUntil(() => (a?.writes.length ?? 0) > 1, { ...soon, what: 'a second attempt' });
      if (a) a.fault = undefined;
      expect((await writing).map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
      const keys = a?.writes.slice(1).flatMap(({ operations }) => operations.map(({ key }) => key));
      expect(new Set(keys)).toEqual(new Set(['later']));
    });

    it('go again when nobody took the connection', async () => {
      lead(a);
      await a?.stop();
      const writing = writeOne('k');
      setTimeout(() => void a?.start(), 100);
      expect(await writing).toMatchObject({ node: 'a' });
    });

    it('are told what the last refusal was when their time is over', async () => {
      lead(a);
      if (a) a.fault = { type: 'refuse', code: 'shutting-down' };
      expect(await writeOne('k')).toMatchObject({ error: 'shutting-down' });
    });

    it.each(['hang-up', 'garble', 'hang'] as const)('that went out are in doubt after a %s', async (type) => {
      lead(a);
      if (a) a.fault = { type };
      expect(await writeOne('k')).toMatchObject({ error: 'indeterminate' });
      expect(a?.writes).toHaveLength(1);
    });

    it('with an Idempotency-Key go again, and are done once', async () => {
      lead(a);
      if (a) a.fault = { type: 'hang-up' };
      const writing = writeOne('k', 'id');
      await waitUntil(() => (a?.writes.length ?? 0) > 1, { ...soon, what: 'a second attempt' });
      if (a) a.fault = undefined;
      expect(await writing).toMatchObject({ version: '1-2', replayed: true });
    });

    it('with an Idempotency-Key that nobody could answer stay in doubt (W2)', async () => {
      lead(a);
      if (a) a.fault = { type: 'hang-up' };
      const writing = writeOne('k', 'id');
      await waitUntil(() => (a?.writes.length ?? 0) > 0, { ...soon, what: 'an attempt' });
      lead();
      expect(await writing).toMatchObject({ error: 'indeterminate' });
    });

    it('that the node calls wrong are a fault of ours, and not repeated', async () => {
      lead(a);
      if (a) a.fault = { type: 'refuse', code: 'bad-request' };
      expect(await writeOne('k', 'id')).toMatchObject({ error: 'internal' });
      expect(a?.writes).toHaveLength(1);
    });

    it('are shed when a lane is full', async () => {
      await store.close();
      open({ laneWaitingOperationsMax: 2 });
      lead();
      const outcomes = await Promise.all(['x', 'y', 'z'].map((key) => writeOne(key)));
      expect(outcomes.map(({ error }) => error)).toEqual(['no-leader', 'no-leader', 'overloaded']);
    });

    it('do not hang behind a leader that hangs, once there is another', async () => {
      lead(a);
      if (a) a.fault = { type: 'hang' };
      const stuck = Array.from({ length: 10 }, (_, n) => writeOne(`stuck ${n}`));
      await waitUntil(() => (a?.writes.length ?? 0) > 0, { ...soon, what: 'a request under way' });
      if (b) b.epoch = 2;
      lead(b);
      expect(await writeOne('free')).toMatchObject({ node: 'b' });
      expect((await Promise.all(stuck)).every(({ error }) => error === 'indeterminate')).toBe(true);
    });
  });

  describe('a circuit', () => {
    it('opens when a node is sick, and closes when it is well', async () => {
      await store.close();
      open({ circuitFailuresMax: 2, circuitOpenMs: 100, retryMaxMs: 20, routeWaitMs: 3000 });
      lead(a);
      await a?.stop();
      const writing = writeOne('k');
      await waitUntil(() => store.directory.circuitOf('a') === 'open', { ...soon, what: 'an open circuit' });
      await a?.start();
      expect(await writing).toMatchObject({ node: 'a' });
      expect(store.directory.circuitOf('a')).toBe('closed');
    });

    it('stays closed to a node that only refuses', async () => {
      lead(a);
      if (a) a.fault = { type: 'refuse', code: 'not-leader' };
      await writeOne('k');
      expect(a?.writes.length).toBeGreaterThan(3);
      expect(store.directory.circuitOf('a')).toBe('closed');
    });
  });

  describe('reads', () => {
    beforeEach(async () => {
      lead(a);
      await writeOne('k');
    });

    it('go round the replicas', async () => {
      const served = [];
      for (let i = 0; i < 4; i += 1) served.push(await store.read('k', { level: 'eventual' }));
      expect(new Set(served.map((read) => (read.type === 'found' ? read.node : '')))).toEqual(
        new Set(['a', 'b']),
      );
      expect(served[0]).toMatchObject({ standing: { lagOps: 0 } });
      expect(await store.read('nothing', { level: 'eventual' })).toMatchObject({ type: 'missing' });
    });

    it('of one turn go to one node in one request, those of the next turn to the next node', async () => {
      for (let turn = 0; turn < 4; turn += 1) {
        await Promise.all(Array.from({ length: 20 }, () => store.read('k', { level: 'eventual' })));
      }
      for (const node of [a, b]) expect(node?.reads.map(({ reads }) => reads.length)).toEqual([20, 20]);
    });

    it.each([
      { type: 'refuse', code: 'replica-unavailable' },
      { type: 'hang-up' },
      { type: 'garble' },
      { type: 'hang' },
    ] as const)('go to the next replica after $type', async (fault) => {
      if (a) a.fault = fault;
      for (let i = 0; i < 2; i += 1) {
        expect(await store.read('k', { level: 'eventual' })).toMatchObject({ type: 'found', node: 'b' });
      }
    });

    it('fail when every replica has failed', async () => {
      for (const node of nodes) node.fault = { type: 'refuse', code: 'replica-unavailable' };
      expect(await store.read('k', { level: 'eventual' })).toMatchObject({
        type: 'failed',
        code: 'replica-unavailable',
      });
      expect([a?.reads.length, b?.reads.length]).toEqual([1, 1]);
    });

    it('of the leader go to the leader, and wait for one', async () => {
      expect(await store.read('k', { level: 'leader' })).toMatchObject({ node: 'a' });
      lead();
      const reading = store.read('k', { level: 'leader' });
      if (b) b.epoch = 2;
      setTimeout(() => lead(b), 100);
      expect(await reading).toMatchObject({ type: 'found', node: 'b' });
      lead();
    });

    it('of the leader are told no-leader when none comes', async () => {
      if (a) a.epoch = 0;
      table.hear({
        type: 'lease-seen',
        shard: 0,
        lease: { holder: null, incarnation: 'i', epoch: 9, ttlMs: 1, next: null },
      });
      expect(await store.read('k', { level: 'leader' })).toMatchObject({ type: 'failed', code: 'no-leader' });
    });
  });
});
