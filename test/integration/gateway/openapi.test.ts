/** The OpenAPI document: every reference resolves, every route is there, and what it says is so. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';
import { send } from './raw.ts';

interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  parameters?: unknown[];
  requestBody?: { required: boolean; content: Record<string, unknown> };
  responses: Record<string, { description: string; headers?: object; content?: Record<string, unknown> }>;
}
interface Document {
  openapi: string;
  info: { title: string; version: string };
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, Record<string, unknown>>>;
}

describe('/openapi.json', () => {
  let cluster: TestCluster;
  let document: Document;
  let operations: [string, string, Operation][];

  beforeAll(async () => {
    cluster = await TestCluster.start({ shards: 1 });
    const answer = await send(cluster.gatewayUrl, { method: 'GET', path: '/openapi.json' });
    expect(answer.status).toBe(200);
    document = answer.json as unknown as Document;
    operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, string, Operation] => [
        method,
        path,
        operation,
      ]),
    );
  });
  afterAll(() => cluster?.stop());

  it('is OpenAPI 3.1 with a title', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info.title).toBe('Driftless');
  });

  it('has every public route and method', () => {
    const listed = operations.map(([method, path]) => `${method} ${path}`).sort();
    expect(listed).toEqual(
      [
        'delete /v1/admin/members/{node}',
        'delete /v1/admin/orphans/{node}/{shard}/{version}',
        'delete /v1/kv/{key}',
        'get /data/{key}',
        'get /livez',
        'get /metrics',
        'get /openapi.json',
        'get /readyz',
        'get /v1/admin/anti-entropy',
        'get /v1/admin/members',
        'get /v1/admin/orphans',
        'get /v1/cluster',
        'get /v1/kv',
        'get /v1/kv/{key}',
        'get /v1/shards/{n}',
        'get /v1/shards/{n}/diff',
        'get /v1/watch',
        'head /data/{key}',
        'head /v1/admin/anti-entropy',
        'head /v1/admin/members',
        'head /v1/admin/orphans',
        'head /v1/cluster',
        'head /v1/kv',
        'head /v1/kv/{key}',
        'head /v1/shards/{n}',
        'head /v1/shards/{n}/diff',
        'post /api/counter/increment',
        'post /data',
        'post /v1/admin/heal',
        'post /v1/admin/members/{node}/replacement',
        'post /v1/admin/shards/{n}/inject',
        'post /v1/admin/shards/{n}/leader',
        'post /v1/batch',
        'post /v1/counters/{key}/increment',
        'put /v1/kv/{key}',
      ].sort(),
    );
  });

  it('documents no method that the server refuses, and all that it allows', async () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const target = path.replace('{key}', 'k').replace('{n}', '0');
      const answer = await send(cluster.gatewayUrl, { method: 'PATCH', path: target });
      expect(answer.status).toBe(405);
      const allowed = String(answer.headers.allow).toLowerCase().split(', ');
      const told = new Set(Object.keys(methods));
      // Processes answer HEAD to their health routes without saying so.
      expect(allowed.filter((method) => !told.has(method) && method !== 'head')).toEqual([]);
      expect([...told].filter((method) => !allowed.includes(method))).toEqual([]);
    }
  });

  it('resolves every reference', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, target]) => target,
    );
    expect(references.length).toBeGreaterThan(50);
    for (const reference of new Set(references)) {
      const steps = String(reference).replace('#/', '').split('/');
      const found = steps.reduce<unknown>(
        (node, step) => (node as Record<string, unknown>)?.[step],
        document,
      );
      expect(found, String(reference)).toBeDefined();
    }
  });

  it('gives each operation an id of its own, a summary, a known tag and answers with descriptions', () => {
    const tags = new Set(document.tags.map(({ name }) => name));
    const ids = operations.map(([, , { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [method, path, { summary, tags: own, responses }] of operations) {
      expect(summary, `${method} ${path}`).toBeTruthy();
      expect(own.every((tag) => tags.has(tag))).toBe(true);
      expect(Object.keys(responses).some((status) => /^[23]\d\d$/.test(status))).toBe(true);
      for (const [status, { description, content }] of Object.entries(responses)) {
        expect(description, `${method} ${path} ${status}`).toBeTruthy();
        if (Number(status) < 400 || path.endsWith('z') || method === 'head') continue;
        expect(Object.keys(content ?? {})).toEqual(['application/problem+json']);
      }
    }
  });

  it('declares the parameter of every path that has one, and no other', () => {
    for (const [method, path, { parameters = [] }] of operations) {
      const declared = parameters
        .map((parameter) => resolve(parameter) as { name: string; in: string; required?: boolean })
        .filter((parameter) => parameter.in === 'path');
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(
        declared.map(({ name }) => name),
        `${method} ${path}`,
      ).toEqual(wanted);
      expect(declared.every(({ required }) => required === true)).toBe(true);
    }
  });

  it('says what bodies are: anything for a value, JSON for documents, optional for a counter', () => {
    expect(Object.keys(document.paths['/v1/kv/{key}']?.put?.requestBody?.content ?? {})).toContain('*/*');
    expect(document.paths['/v1/counters/{key}/increment']?.post?.requestBody?.required).toBe(false);
    expect(document.paths['/v1/batch']?.post?.requestBody?.required).toBe(true);
    expect(JSON.stringify(document.components.schemas)).not.toContain('$defs');
  });

  it('describes the headers that a read has', async () => {
    const path = '/v1/kv/openapi';
    await send(cluster.gatewayUrl, { method: 'PUT', path, body: '1' });
    const { headers } = await send(cluster.gatewayUrl, { method: 'GET', path: `${path}?consistency=leader` });
    const described = Object.keys(document.paths['/v1/kv/{key}']?.get?.responses[200]?.headers ?? {});
    // Only the answer to a request that is traced has this one.
    expect(described).toContain('traceresponse');
    const told = described.filter((name) => name !== 'traceresponse');
    const own = Object.keys(headers).filter((name) => name.startsWith('driftless-') || name === 'etag');
    expect(told.map((name) => name.toLowerCase()).sort()).toEqual(own.sort());
  });

  it('is shown by Swagger UI', async () => {
    const page = await send(cluster.gatewayUrl, { method: 'GET', path: '/docs/' });
    expect(page.status).toBe(200);
    expect(page.body.toString()).toContain('swagger-ui');
    const json = await send(cluster.gatewayUrl, { method: 'GET', path: '/docs/json' });
    expect(json.json).toEqual(document);
  });

  function resolve(node: unknown): unknown {
    if (typeof node !== 'object' || node === null || !('$ref' in node)) return node;
    const steps = String(node.$ref).replace('#/', '').split('/');
    return steps.reduce<unknown>((found, step) => (found as Record<string, unknown>)[step], document);
  }
});
