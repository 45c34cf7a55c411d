import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { AnswerHead } from './answer-head.ts';
import { runPlan } from './loops.ts';
import { jsonOf, keyOf, type LoadPlan, requestText } from './plan.ts';
import { RequestMaker } from './request-maker.ts';
import { Schedule } from './schedule.ts';
import { Tally } from './tally.ts';

describe('a schedule', () => {
  it('has arrivals at even distances, the first at once', () => {
    const schedule = new Schedule(1000, 100, 100);
    expect(schedule.count).toBe(10);
    expect([0, 1, 9].map((number) => schedule.dueMs(number))).toEqual([1000, 1010, 1090]);
    expect([999, 1000, 1009.9, 1010, 1055].map((now) => schedule.dueBy(now))).toEqual([0, 1, 1, 2, 6]);
  });

  it('ends', () => {
    expect(new Schedule(0, 100, 100).dueBy(1e9)).toBe(10);
  });
});

describe('a request', () => {
  it('has the key in path and body, and the length of what it carries', () => {
    const text = requestText({ method: 'PUT', path: '/kv/{key}', body: '{"k":"{key}"}' }, keyOf(7));
    expect(text).toBe(
      'PUT /kv/key000000007 HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n' +
        'content-length: 20\r\n\r\n{"k":"key000000007"}',
    );
  });

  it('without a body has no length with GET, and 0 with POST', () => {
    expect(requestText({ method: 'GET', path: '/' }, '')).not.toContain('content-length');
    expect(requestText({ method: 'POST', path: '/' }, '')).toContain('content-length: 0\r\n');
  });

  it('has keys that are base64 as they stand, and values of their size', () => {
    expect(Buffer.from(keyOf(12345), 'base64').toString('base64')).toBe(keyOf(12345));
    expect(jsonOf(100)).toHaveLength(100);
  });
});

describe('a request maker', () => {
  it('makes the very request for each key, wherever the key stands', () => {
    const request = { method: 'PUT', path: '/kv/{key}', body: '{"k":"{key}"}' } as const;
    const maker = new RequestMaker(request);
    for (const number of [0, 7, 123_456_789]) {
      expect(maker.of(number).toString('latin1')).toBe(requestText(request, keyOf(number)));
    }
    const first = maker.of(5);
    maker.kept();
    maker.of(6);
    expect(first.toString('latin1')).toBe(requestText(request, keyOf(5)));
    const fixed = { method: 'GET', path: '/' } as const;
    expect(new RequestMaker(fixed).of(3).toString('latin1')).toBe(requestText(fixed, ''));
  });
});

describe('the head of an answer', () => {
  const read = (text: string, end = text.length) => {
    const head = new AnswerHead();
    // What a buffer has behind the answer is of others before it.
    const isWhole = head.read(Buffer.from(`${text.padEnd(400)}content-length: 9\r\n`), end);
    return isWhole && { status: head.status, bytes: head.bytes, closes: head.closes };
  };

  it('says status, length and whether the connection stays', () => {
    const text =
      'HTTP/1.1 201 Created\r\nConnection: keep-alive\r\nCONTENT-length:12\r\nx: content-length: 7\r\n\r\n';
    expect(read(text)).toEqual({ status: 201, bytes: text.length + 12, closes: false });
    const last = 'HTTP/1.1 503 No\r\ncontent-length: 0\r\nConnection:  Close\r\n\r\n';
    expect(read(last)).toEqual({ status: 503, bytes: last.length, closes: true });
    for (let end = 0; end < last.length; end += 1) expect(read(last, end)).toBe(false);
  });

  it.each(['HTTP/1.1 200 OK\r\nx: y\r\n\r\n', 'SSH-2.0-x\r\ncontent-length: 1\r\n\r\n'])(
    '%j is none',
    (text) => {
      expect(() => read(text)).toThrow('Not an answer with a length');
    },
  );
});

describe('a tally', () => {
  const cost = { cpuMicros: 5, cores: 0.5 };

  it('counts every answer, and measures those of its time that did what was asked', () => {
    const tally = new Tally(100, 200);
    for (const [at, status] of [
      [50, 200],
      [120, 201],
      [150, 503],
      [160, 200],
      [250, 200],
    ] as const) {
      tally.answered(status, at, at / 10, at / 20, at);
    }
    tally.unanswered(99, 199);
    tally.unanswered(1000, 200);
    const { perSecond, ok, refused, p50Ms, maxMs, unanswered } = tally.report(4, cost);
    expect({ perSecond, ok, refused, p50Ms, maxMs, unanswered }).toEqual({
      perSecond: 20,
      ok: 4,
      refused: 1,
      p50Ms: 16,
      maxMs: 99,
      unanswered: 4,
    });
  });

  it('counts refusals by status, and measures them by themselves, since they were sent', () => {
    const tally = new Tally(100, 200);
    const answered = (status: number, at: number, sinceSentMs: number): void =>
      tally.answered(status, at, 500, sinceSentMs, at);
    for (let i = 0; i < 99; i += 1) answered(429, 150, 1);
    answered(503, 150, 7);
    answered(503, 150, 8);
    answered(503, 50, 9);
    answered(204, 150, 3);
    const { refusals, refused, refusedP99Ms, maxMs, sentP99Ms } = tally.report(0, cost);
    expect({ refusals, refused, refusedP99Ms }).toEqual({
      refusals: { 429: 99, 503: 3 },
      refused: 102,
      refusedP99Ms: 7,
    });
    expect({ maxMs, sentP99Ms }).toEqual({ maxMs: 500, sentP99Ms: undefined });
    tally.sentLate(2, 150);
    expect(tally.report(0, cost)).toMatchObject({ sentP99Ms: 3, lateP99Ms: 2, ...cost });
  });

  it('has no latency of refusals where there were none', () => {
    const report = new Tally(0, 100).report(0, cost);
    expect(report).toMatchObject({ refused: 0, refusals: {} });
    expect(report).not.toHaveProperty('refusedP99Ms');
  });
});

describe('a loop', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  async function planFor(listener: RequestListener, more: Partial<LoadPlan>): Promise<LoadPlan> {
    server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const request = { method: 'PUT', path: '/{key}', body: jsonOf(10) } as const;
    const ports = [(server.address() as AddressInfo).port];
    return { ports, request, keys: 10, connections: 4, warmUpMs: 0, measureMs: 600, ...more };
  }

  it('that is open counts a stop of the server for everybody who came in that time', async () => {
    const stopMs = 400;
    let endsAt: number | undefined;
    const plan = await planFor(
      (_, response) => {
        endsAt ??= performance.now() + stopMs;
        setTimeout(() => response.end('ok'), Math.max(0, endsAt - performance.now()));
      },
      { perSecond: 200 },
    );
    const report = await runPlan(plan);
    expect(report.ok).toBe(120);
    // Four connections would have told four slow answers; two thirds of all arrivals came meanwhile.
    expect(report.p50Ms).toBeGreaterThan(50);
    expect(report.p90Ms).toBeGreaterThan(stopMs / 2);
  });

  it('that is closed waits for its last answers, and tells those that are refused', async () => {
    let count = 0;
    const plan = await planFor(
      (_, response) => {
        count += 1;
        response.writeHead(count % 2 === 0 ? 200 : 503, { 'content-length': 2 }).end('ok');
      },
      { measureMs: 200 },
    );
    const report = await runPlan(plan);
    expect(report.unanswered).toBe(0);
    expect(report.ok + report.refused).toBe(count);
    expect(Math.abs(report.ok - report.refused)).toBeLessThanOrEqual(1);
    expect(report.refusals).toEqual({ 503: report.refused });
    expect(report.refusedP99Ms).toBeGreaterThan(0);
    expect(report.cores).toBeGreaterThan(0);
  });

  it('that is open tells a wait for a connection from a wait for the answer', async () => {
    const answerMs = 20;
    const plan = await planFor((_, response) => setTimeout(() => response.end('ok'), answerMs), {
      connections: 1,
      perSecond: 100,
      measureMs: 400,
    });
    const report = await runPlan(plan);
    expect(report.ok).toBe(40);
    // One connection has room for half of them: the last was due long before it was sent.
    expect(report.p99Ms).toBeGreaterThan(8 * answerMs);
    expect(report.sentP99Ms).toBeGreaterThanOrEqual(answerMs - 1);
    expect(report.sentP99Ms).toBeLessThan(report.p99Ms / 2);
  });

  it('takes answers in any parts', async () => {
    const body = 'x'.repeat(100_000);
    const plan = await planFor(
      (_, response) => {
        response.writeHead(200, { 'content-length': body.length });
        response.write(body.slice(0, 10));
        setImmediate(() => response.end(body.slice(10)));
      },
      { measureMs: 200, perSecond: 100 },
    );
    expect(await runPlan(plan)).toMatchObject({ ok: 20, refused: 0, unanswered: 0 });
  });

  it('goes on where a server closes each connection', async () => {
    let count = 0;
    const plan = await planFor(
      (_, response) => {
        count += 1;
        response.writeHead(201, { connection: 'close', 'content-length': 0 }).end();
      },
      { measureMs: 200, perSecond: 100 },
    );
    const report = await runPlan(plan);
    expect(report.ok).toBe(20);
    expect(count).toBe(20);
  });
});
