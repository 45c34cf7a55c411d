/**
 * One trace through all processes of a real cluster: a client's request at the gateway, the leader's commit
 * and publish, the apply at every follower; and rounds of anti-entropy. What is not sampled leaves nothing.
 */
import { randomBytes } from 'node:crypto';
import { DriftlessClient } from '@driftless/client';
import { formatTraceparent, parseTraceparent, type TraceContext } from '@driftless/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';
import { type ReceivedSpan, TraceReceiver } from '../../harness/traces.ts';

/** Wall clocks of processes on one machine agree, but for the whole milliseconds that they tell. */
const skewMs = 3;

let cluster: TestCluster;
let receiver: TraceReceiver;
let leader: string;

beforeAll(async () => {
  receiver = await TraceReceiver.start();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_TRACES_SAMPLER_ARG: '0',
    DRIFTLESS_LOG_LEVEL: 'debug',
  };
  cluster = await TestCluster.start({
    shards: 1,
    nodeEnv: { ...env, DRIFTLESS_INJECT: 'true' },
    gatewayEnv: { ...env, DRIFTLESS_WRITE_LINGER_MS: '200', DRIFTLESS_LANE_STANDING_WAIT_MS: '10000' },
    antiEntropy: env,
  });
  leader = await cluster.leaderOf(0);
});
afterAll(async () => {
  await cluster?.stop();
  await receiver?.stop();
});

function newContext(sampled = true): TraceContext {
  return { traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex'), sampled };
}

async function ask(path: string, context: TraceContext, options: RequestInit = {}): Promise<Response> {
  const headers = { ...options.headers, traceparent: formatTraceparent(context) };
  const answer = await fetch(`${cluster.gatewayUrl}${path}`, { ...options, headers });
  await answer.arrayBuffer();
  return answer;
}

function put(key: string, context: TraceContext, query = ''): Promise<Response> {
  return ask(`/v1/kv/${key}${query}`, context, { method: 'PUT', body: '{"v":1}' });
}

/** The one of this name. */
function one(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name);
  expect(found, `spans named ${name} of ${spans.map((span) => span.name)}`).toHaveLength(1);
  return found[0] as ReceivedSpan;
}

/** Each begins within its parent, and where `contained` says so ends there too; nothing is in the future. */
function expectNested(parent: ReceivedSpan, child: ReceivedSpan, contained: boolean): void {
  expect(child.parentSpanId).toBe(parent.spanId);
  expect(child.traceId).toBe(parent.traceId);
  expect(child.startMs).toBeGreaterThanOrEqual(parent.startMs - skewMs);
  expect(child.endMs).toBeGreaterThanOrEqual(child.startMs);
  expect(child.endMs).toBeLessThanOrEqual(Date.now() + skewMs);
  if (contained) expect(child.endMs).toBeLessThanOrEqual(parent.endMs + skewMs);
}

const appliesAt = (spans: readonly ReceivedSpan[]): string[] =>
  spans
    .filter(({ name }) => name === 'apply')
    .map(({ instance }) => instance)
    .sort();

/** Two traced writes of one batch; what loads the lane before them makes it wait for more, mostly. */
async function putTogether() {
  for (;;) {
    const contexts = [newContext(), newContext()] as const;
    await Promise.all(Array.from({ length: 8 }, (_, i) => put(`load-${i}`, newContext(false))));
    await Promise.all(contexts.map((context, i) => put(`together-${i}`, context)));
    const all = (): ReceivedSpan[] => contexts.flatMap(({ traceId }) => receiver.trace(traceId));
    const commits = (): ReceivedSpan[] => all().filter(({ name }) => name === 'commit');
    const isWhole = (): boolean => {
      const operations = commits().reduce(
        (sum, span) => sum + Number(span.attributes['driftless.operations']),
        0,
      );
      const areLinked = contexts.every((context) => receiver.hasParents(context));
      return areLinked && operations === 2 && appliesAt(all()).length === 2 * commits().length;
    };
    await receiver.whole(contexts[0], isWhole);
    if (commits().length === 1) return { contexts, all };
  }
}

describe('a write', () => {
  it('is one trace from the client to the apply at every follower', async () => {
    const context = newContext();
    const traceparent = (): string => formatTraceparent(context);
    const client = new DriftlessClient({ baseUrls: cluster.gatewayUrl, session: false, traceparent });
    const began = Date.now();
    const { version } = await client.putJson('traced', { v: 1 }, { ack: 'majority' });
    await client.close();
    const followers = cluster.nodes.map(({ name }) => name).filter((name) => name !== leader);
    const spans = await receiver.whole(context, (all) => appliesAt(all).length === 2);

    const request = one(spans, 'PUT /v1/kv/*');
    expect(request).toMatchObject({ service: 'gateway', instance: 'gateway-1', kind: 2 });
    expect(request.parentSpanId).toBe(context.spanId);
    expect(request.startMs).toBeGreaterThanOrEqual(began - skewMs);
    expect(request.attributes).toMatchObject({ 'http.route': '/v1/kv/*', 'http.response.status_code': 201 });
    const hop = one(spans, 'hop write');
    expect(hop).toMatchObject({ service: 'gateway', kind: 3, attributes: { 'driftless.node': leader } });
    expectNested(request, hop, true);
    const write = one(spans, 'write');
    expect(write).toMatchObject({ service: 'store-node', instance: leader, kind: 2 });
    expect(write.attributes).toMatchObject({ 'driftless.shard': 0, 'driftless.ack': 'majority' });
    expect(write.events.map(({ name }) => name)).toEqual(['committed']);
    expectNested(hop, write, true);
    const commit = one(spans, 'commit');
    expectNested(write, commit, true);
    const [epoch, seq] = version.split('-').map(Number);
    expect(commit.attributes).toMatchObject({
      'driftless.epoch': epoch,
      'driftless.first_seq': seq,
      'driftless.last_seq': seq,
      'driftless.operations': 1,
    });
    const publish = one(spans, 'publish');
    expect(publish).toMatchObject({ kind: 4, attributes: { 'messaging.system': 'nats' } });
    expectNested(write, publish, true);
    expect(publish.startMs).toBeGreaterThanOrEqual(commit.endMs - skewMs);

    expect(appliesAt(spans)).toEqual(followers.sort());
    for (const apply of spans.filter(({ name }) => name === 'apply')) {
      expectNested(publish, apply, false);
      expect(apply).toMatchObject({ service: 'store-node', kind: 5, links: [] });
      expect(apply.attributes).toMatchObject({ 'driftless.first_seq': seq, 'driftless.result': 'applied' });
      expect(apply.events.map(({ name }) => name)).toEqual(['applied', 'acked']);
    }
    expect(spans.every(({ failed }) => failed === undefined)).toBe(true);
    expect(spans).toHaveLength(7);
    // Neither keys nor values.
    expect(JSON.stringify(spans)).not.toContain('traced');
    expect(receiver.refused).toEqual([]);
  });

  it('tells its trace on the answer, on either way through the gateway', async () => {
    for (const key of ['plain', 'with%20escape']) {
      const context = newContext();
      const answer = await put(key, context);
      const told = parseTraceparent(answer.headers.get('traceresponse'));
      expect(told).toMatchObject({ traceId: context.traceId, sampled: true });
      const spans = await receiver.whole(context, (all) => appliesAt(all).length === 2);
      expect(one(spans, 'PUT /v1/kv/*').spanId).toBe(told?.spanId);
    }
  });

  it('shares its batch with another: links lead to and fro', async () => {
    const { contexts, all } = await putTogether();
    const [first, second] = contexts;
    const commit = one(all(), 'commit');
    const other = commit.traceId === first.traceId ? second : first;
    const write = one(receiver.trace(other.traceId), 'write');
    const itsContext = { traceId: write.traceId, spanId: write.spanId };
    expect(commit.attributes['driftless.operations']).toBe(2);
    expect(commit.links).toMatchObject([itsContext]);
    expect(write.links).toMatchObject([{ traceId: commit.traceId, spanId: commit.spanId }]);
    expect(one(all(), 'publish')).toMatchObject({ traceId: commit.traceId, links: [itsContext] });
    for (const apply of all().filter(({ name }) => name === 'apply')) {
      expect(apply).toMatchObject({ traceId: commit.traceId, links: [itsContext] });
    }
  });

  it('that is refused says why, and is no failure of ours', async () => {
    const context = newContext();
    const answer = await ask('/v1/kv/refused?ack=all', context, {
      method: 'PUT',
      body: '1',
      headers: { 'if-match': '"1-1"' },
    });
    expect(answer.status).toBe(412);
    expect(answer.headers.get('traceresponse')).toContain(context.traceId);
    const spans = await receiver.whole(context, (all) => all.length === 3);
    for (const span of spans.filter(({ name }) => name !== 'hop write')) {
      expect(span).toMatchObject({ attributes: { 'error.type': 'precondition-failed' }, failed: undefined });
    }
  });

  it.each([
    ['is not sampled', formatTraceparent(newContext(false))],
    ['has no trace', undefined],
    ['has a broken trace', '00-nonsense'],
  ])('leaves nothing where it %s', async (_what, traceparent) => {
    const began = Date.now();
    const headers = traceparent === undefined ? {} : { traceparent };
    const url = `${cluster.gatewayUrl}/v1/kv/unsampled?ack=all`;
    const answer = await fetch(url, { method: 'PUT', body: '1', headers });
    expect(answer.ok).toBe(true);
    expect(answer.headers.get('traceresponse')).toBeNull();
    // One that comes after it, and is whole: spans of processes are sent in their order.
    const after = newContext();
    await put('after', after, '?ack=all');
    await receiver.whole(after, (all) => appliesAt(all).length === 2);
    const others = receiver.spans.filter(({ startMs, traceId }) => {
      return startMs > began + skewMs && traceId !== after.traceId;
    });
    expect(others).toEqual([]);
  });
});

describe('a read', () => {
  it('shows the replica that served it', async () => {
    const context = newContext();
    await put('read', newContext(false), '?ack=all');
    const answer = await ask('/v1/kv/read', context);
    const node = answer.headers.get('driftless-node');
    const spans = await receiver.whole(context, (all) => all.length === 3);
    const [request, hop, read] = ['GET /v1/kv/*', 'hop read', 'read'].map((name) => one(spans, name));
    expect(read).toMatchObject({ instance: node, attributes: { 'driftless.level': 'eventual' } });
    expectNested(request as ReceivedSpan, hop as ReceivedSpan, true);
    expectNested(hop as ReceivedSpan, read as ReceivedSpan, true);
  });

  it('of the strong level shows what it waits for', async () => {
    const context = newContext();
    await ask('/v1/kv/read?consistency=strong', context);
    const spans = await receiver.whole(context, (all) => all.length === 3);
    const events = one(spans, 'read').events.map(({ name }) => name);
    expect(events).toEqual(['asks the stream who leads', 'waits for the stream to confirm the value']);
  });

  it('of nothing is no failure, and a listing is traced too', async () => {
    const [missing, list] = [newContext(), newContext()];
    expect((await ask('/v1/kv/nothing', missing)).status).toBe(404);
    expect((await ask('/v1/kv?prefix=read', list)).status).toBe(200);
    const spans = await receiver.whole(missing, (all) => all.length === 3);
    expect(one(spans, 'GET /v1/kv/*')).toMatchObject({
      failed: undefined,
      attributes: { 'error.type': 'key-not-found', 'http.response.status_code': 404 },
    });
    const listed = await receiver.whole(list, (all) => all.length === 3);
    expect(listed.map(({ name }) => name).sort()).toEqual(['GET /v1/kv', 'hop list', 'list']);
  });
});

describe('drift', () => {
  it('is in the log of an apply, and its healing is a trace', async () => {
    for (let i = 0; i < 20; i += 1) await put(`heal-${i}`, newContext(false), '?ack=all');
    const victim = cluster.nodes.map(({ name }) => name).find((name) => name !== leader) ?? '';
    const before = receiver.spans.length;
    const injected = await fetch(`${cluster.nodeUrl(victim)}/node/v1/shards/0/inject`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'skip-event' }),
    });
    expect(injected.status, await injected.text()).toBe(200);
    await put('heal-1', newContext(false));
    // The event after the one that was skipped finds that something is wrong.
    const context = newContext();
    await put('heal-2', context, '?ack=all');
    const spans = await receiver.whole(context, (all) => appliesAt(all).length === 2);
    const apply = spans.find(({ name, instance }) => name === 'apply' && instance === victim);
    expect(apply?.attributes['driftless.result']).toBe('drifted');
    const line = linesOf(victim).find(({ msg }) => /a digest check failed/.test(msg));
    expect(line).toMatchObject({ trace_id: context.traceId, span_id: apply?.spanId });

    await cluster.converged();
    const rounds = (): ReceivedSpan[] =>
      receiver.spans.slice(before).filter(({ name, attributes }) => {
        return name === 'round' && attributes['driftless.cause'] === 'drift';
      });
    await cluster.until('the round that healed it', async () => rounds().length > 0);
    const round = rounds()[0] as ReceivedSpan;
    expect(round).toMatchObject({ service: 'anti-entropy', attributes: { 'driftless.outcome': 'equal' } });
    const healing = await receiver.whole(round, (all) => all.some(({ name }) => name === 'exchange'));
    const exchange = healing.find(({ name, instance }) => name === 'exchange' && instance === victim);
    const asking = healing.find(({ spanId }) => spanId === exchange?.parentSpanId);
    expectNested(round, asking as ReceivedSpan, true);
    expectNested(asking as ReceivedSpan, exchange as ReceivedSpan, true);
    const parts = healing.filter(({ parentSpanId }) => parentSpanId === exchange?.spanId);
    expect(parts.map(({ name }) => name)).toEqual(['compare', 'heal', 'compare']);
    for (const part of parts) expectNested(exchange as ReceivedSpan, part, true);
    expect(exchange?.attributes).toMatchObject({ 'driftless.mode': 'heal', 'driftless.keys_healed': 1 });
    const compared = linesOf(victim).find(
      ({ msg, healed }) => msg === 'compared with a peer' && healed === 1,
    );
    expect(compared).toMatchObject({ trace_id: round.traceId, span_id: exchange?.spanId });
    const told = linesOf('anti-entropy-1').find(({ msg }) => /^drift was healed/.test(msg));
    expect(told).toMatchObject({ trace_id: round.traceId, span_id: round.spanId });
  });
});

interface Line {
  msg: string;
  trace_id?: string;
  span_id?: string;
  healed?: number;
}

function linesOf(name: string): Line[] {
  const part = cluster.processes.find((one) => one.name === name);
  return (part?.output() ?? '')
    .split('\n')
    .flatMap((text) => (text.startsWith('{') ? [JSON.parse(text) as Line] : []));
}
