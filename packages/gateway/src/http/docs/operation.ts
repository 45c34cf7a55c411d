/**
 * The OpenAPI document, route by route. A route carries its own operation in its config; the swagger plugin
 * only collects them. We write operations as OpenAPI has them, because the plugin's translation from route
 * schemas can't say what we have to: bodies of any type, optional bodies, headers of answers, shared
 * components.
 */
import { type ErrorCode, errorKind, problemContentType } from '@driftless/contracts';
import { components } from './components.ts';

export type Reference = { $ref: string };

export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  parameters?: Reference[];
  requestBody?: { required: boolean; description?: string; content: Content };
  responses: Record<string, Answer>;
}

export type Content = Record<string, { schema?: object; example?: unknown }>;

export interface Answer {
  description: string;
  headers?: Record<string, Reference>;
  content?: Content;
}

type Method = 'get' | 'head' | 'put' | 'post' | 'delete';

interface OpenApiDocument {
  tags?: object[];
  components?: Record<string, object>;
  paths?: Record<string, object>;
}

export type Paths = Record<string, Partial<Record<Method, Operation>>>;

/** Route config that documents these paths, whole: routes of one path share it. */
export function documented(paths: Paths) {
  return {
    swaggerTransform({ openapiObject, url }: { openapiObject?: unknown; url: string }) {
      const document = openapiObject as OpenApiDocument;
      document.tags = tags;
      document.components = { ...document.components, ...components };
      document.paths = { ...document.paths, ...paths };
      // The plugin adds nothing of its own.
      return { schema: { hide: true }, url };
    },
  };
}

const tags = [
  { name: 'keys', description: 'Values under keys' },
  { name: 'counters', description: 'Integers that are added to in one step' },
  { name: 'cluster', description: 'Who leads, who follows, and how far behind' },
  { name: 'admin', description: 'What an operator decides' },
  { name: 'seeds', description: 'Routes of the systems that Driftless grew from' },
  { name: 'process', description: 'Health, metrics and this document' },
];

export const schema = (name: keyof (typeof components)['schemas']): Reference => ({
  $ref: `#/components/schemas/${name}`,
});
export const parameter = (name: keyof (typeof components)['parameters']): Reference => ({
  $ref: `#/components/parameters/${name}`,
});

/** What any write of one value can be asked for, besides its key. */
export const writeParameters: Reference[] = [
  parameter('Ack'),
  parameter('Session'),
  parameter('IfMatch'),
  parameter('IfNoneMatch'),
  parameter('IdempotencyKey'),
];
const header = (name: keyof (typeof components)['headers']): Reference => ({
  $ref: `#/components/headers/${name}`,
});

export const json = (name: keyof (typeof components)['schemas']): Content => ({
  'application/json': { schema: schema(name) },
});

/** Headers that tell which replica answered, and how it stands. */
export const standingHeaders = {
  'Driftless-Node': header('Driftless-Node'),
  'Driftless-Position': header('Driftless-Position'),
  'Driftless-Lag-Ms': header('Driftless-Lag-Ms'),
  'Driftless-Lag-Ops': header('Driftless-Lag-Ops'),
  'Driftless-Session': header('Driftless-Session'),
  traceresponse: header('traceresponse'),
};

export const versionHeaders = { ETag: header('ETag'), ...standingHeaders };

/** The same operation without its content: what HEAD is to GET. */
export function asHead(get: Operation): Operation {
  const responses = Object.entries(get.responses).map(([status, { content: _, ...answer }]) => [
    status,
    answer,
  ]);
  return {
    ...get,
    operationId: `${get.operationId}Head`,
    summary: `${get.summary}, without the body`,
    responses: Object.fromEntries(responses) as Operation['responses'],
  };
}

const everywhere: ErrorCode[] = ['bad-request', 'overloaded', 'internal', 'shutting-down'];

/** Answers for these codes and for those that every route may give: one a status. */
export function problems(...codes: ErrorCode[]): Record<string, Answer> {
  const all = [...new Set([...codes, ...everywhere])];
  const byStatus = Map.groupBy(all, (code) => errorKind(code).status);
  const answers = [...byStatus].map(([status, own]) => {
    const description = own.map((code) => `\`${code}\`: ${errorKind(code).title}`).join('. ');
    const headers = status === 429 || status === 503 ? { 'Retry-After': header('Retry-After') } : undefined;
    const content = { [problemContentType]: { schema: schema('Problem') } };
    return [String(status), { description, ...(headers && { headers }), content }] as const;
  });
  return Object.fromEntries(answers);
}

/** What any write may meet. */
export const writeProblems: ErrorCode[] = [
  'invalid-key',
  'invalid-parameter',
  'invalid-session',
  'session-rolled-back',
  'session-behind',
  'precondition-failed',
  'value-too-large',
  'unsupported-media-type',
  'idempotency-key-reused',
  'no-leader',
  'replica-unavailable',
  'indeterminate',
];

/** What any read may meet. */
export const readProblems: ErrorCode[] = [
  'invalid-key',
  'invalid-parameter',
  'invalid-session',
  'session-rolled-back',
  'session-behind',
  'too-stale',
  'no-leader',
  'replica-unavailable',
  'upstream-timeout',
];
