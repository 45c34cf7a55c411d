/** Bad input against a real cluster: each case has its status and code, nobody dies, and nothing is lost. */
import { problemContentType } from '@driftless/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';
import {
  bodyCases,
  type Case,
  documentCases,
  headerCases,
  keyCases,
  parameterCases,
  routeCases,
  wireCases,
} from './bad-input-cases.ts';
import { healingCases } from './healing-cases.ts';
import { memberCases } from './member-cases.ts';
import { type RawAnswer, send, sendBytes } from './raw.ts';

const witnesses = Array.from({ length: 40 }, (_, n) => ({
  path: `/v1/kv/witness%2F${n}`,
  value: `value ${n}`,
}));

describe('bad input', () => {
  let cluster: TestCluster;
  let pids: (number | undefined)[];
  const pidsOf = () => [cluster.gateway, ...cluster.nodes, cluster.nats].map(({ pid }) => pid);

  beforeAll(async () => {
    cluster = await TestCluster.start({ antiEntropy: false });
    pids = pidsOf();
    for (const { path, value } of witnesses) {
      const headers = { 'content-type': 'text/plain' };
      const answer = await send(cluster.gatewayUrl, { method: 'PUT', path, headers, body: value });
      expect(answer.status).toBe(201);
    }
  });
  afterAll(() => cluster?.stop());

  function expectProblem(
    answer: RawAnswer,
    { status, code, says, has }: Omit<Case, 'method' | 'path' | 'name'>,
  ) {
    const seen = `${answer.status} ${answer.body.subarray(0, 300).toString()}`;
    expect(answer.status, seen).toBe(status);
    for (const [name, value] of Object.entries(has ?? {})) expect(answer.headers[name]).toBe(value);
    if (code === undefined) return;
    expect(answer.json, seen).toMatchObject({ status, code, type: `urn:driftless:error:${code}` });
    expect(answer.headers['content-type']).toContain(problemContentType);
    if (says !== undefined) expect(answer.json?.detail).toContain(says);
    // Nothing of the inside leaves with a problem.
    expect(seen).not.toMatch(/node_modules|\.ts:|SQLITE|at Object|SELECT/);
  }

  async function expectAlive(): Promise<void> {
    expect((await send(cluster.gatewayUrl, { method: 'GET', path: '/livez' })).status).toBe(200);
    expect(pidsOf()).toEqual(pids);
  }

  const groups = {
    keyCases,
    bodyCases,
    parameterCases,
    headerCases,
    routeCases,
    documentCases,
    memberCases,
    healingCases,
  };
  describe.each(Object.entries(groups))('%s', (_, cases) => {
    it.each(cases)('$method: $name → $status $code', async (one) => {
      expectProblem(await send(cluster.gatewayUrl, one), one);
      await expectAlive();
    });
  });

  describe('wireCases', () => {
    it.each(wireCases)('$name → $status $code', async ({ bytes, ...expected }) => {
      expectProblem(await sendBytes(cluster.gatewayUrl, Buffer.from(bytes, 'latin1')), expected);
      await expectAlive();
    });
  });

  it('has at least 60 cases', () => {
    const count = Object.values(groups).reduce((sum, cases) => sum + cases.length, wireCases.length);
    expect(count).toBeGreaterThanOrEqual(60);
  });

  it('refuses parts of a batch one by one', async () => {
    const operations = [
      { op: 'put', key: '', value: 1 },
      { op: 'put', key: 'b', value: 1, valueBase64: 'MQ==' },
      { op: 'put', key: 'b' },
      { op: 'put', key: 'b', valueBase64: '!' },
      {
        op: 'put',
        key: 'b',
        valueBase64: Buffer.from('{').toString('base64'),
        contentType: 'application/json',
      },
      { op: 'put', key: 'b', value: { a: 1 }, contentType: 'image/png' },
      { op: 'put', key: 'b', value: 1, contentType: 'nonsense' },
      { op: 'put', key: 'b', value: 'x'.repeat(512 * 1024) },
      { op: 'put', key: 'b', value: 1, ifMatch: '"never' },
      { op: 'put', key: 'b', value: 1, ifMatch: '*' },
      { op: 'delete', key: 'nobody' },
      { op: 'increment', key: 'witness/1' },
      { op: 'put', key: 'k'.repeat(513), value: 1 },
      { op: 'put', key: 'batched', value: { ['__proto__']: 1 } },
    ];
    const answer = await send(cluster.gatewayUrl, {
      method: 'POST',
      path: '/v1/batch',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ operations }),
    });
    expect(answer.status).toBe(200);
    const results = answer.json?.results as { status: number; problem?: { code: string } }[];
    expect(results.map(({ status, problem }) => problem?.code ?? status)).toEqual([
      'invalid-key',
      'invalid-value',
      'invalid-value',
      'invalid-value',
      'invalid-value',
      'invalid-value',
      'unsupported-media-type',
      'value-too-large',
      'invalid-parameter',
      'precondition-failed',
      'key-not-found',
      'not-a-counter',
      'invalid-key',
      201,
    ]);
  });

  it('kept JSON with a __proto__ byte for byte, and no prototype learned of it', async () => {
    const answer = await send(cluster.gatewayUrl, { method: 'GET', path: '/v1/kv/proto?consistency=leader' });
    expect(answer.body.toString()).toBe(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    );
    const view = await send(cluster.gatewayUrl, { method: 'GET', path: '/v1/cluster' });
    expect(view.body.toString()).not.toContain('polluted');
  });

  it('lost none of the witnesses', async () => {
    for (const { path, value } of witnesses) {
      const answer = await send(cluster.gatewayUrl, { method: 'GET', path: `${path}?consistency=leader` });
      expect(answer.body.toString()).toBe(value);
    }
    const listed = await send(cluster.gatewayUrl, {
      method: 'GET',
      path: '/v1/kv?prefix=witness/&consistency=leader',
    });
    expect(listed.json?.entries).toHaveLength(witnesses.length);
    await cluster.converged();
  });
});
