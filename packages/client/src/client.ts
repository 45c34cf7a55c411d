/**
 * The client of a Driftless cluster, over the public REST of its gateways.
 *
 *     const client = new DriftlessClient({ baseUrls: 'http://127.0.0.1:8080' });
 *     const { version } = await client.putJson('user/1', { name: 'Ada' });
 *     const { value, lagMs } = await client.getJson('user/1');
 *
 * A client is a session: with `consistency: 'session'` it reads what it wrote, and never goes back in time,
 * whichever gateway and replica answer.
 *
 * What a gateway refuses is thrown as `ClientError`, with the code of the problem detail; a missing key is
 * `key-not-found`. Retries: see transport.ts.
 */
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import {
  type AntiEntropyView,
  antiEntropyViewSchema,
  type BatchOperation,
  type ClusterView,
  clusterViewSchema,
  counterSchema,
  type ExchangeAnswer,
  exchangeAnswerSchema,
  type InjectAnswer,
  type InjectBody,
  injectAnswerSchema,
  type ListedEntry,
  listSchema,
  type MembersView,
  type MovedLeader,
  membersViewSchema,
  movedLeaderSchema,
  type OrphanView,
  orphanListSchema,
  parsePosition,
  type RunAnswer,
  type RunBody,
  runAnswerSchema,
  type ShardView,
  shardViewSchema,
  writtenSchema,
} from '@driftless/contracts';
import { ZodError, type z } from 'zod';
import { batchAnswerOf } from './batch-answer.ts';
import { ClientError } from './error.ts';
import { ClientSession } from './session.ts';
import { type HttpAnswer, standingOf, Transport, textOf, versionOf } from './transport.ts';
import type {
  BatchAnswered,
  CallOptions,
  ClientOptions,
  Counted,
  Deleted,
  Head,
  ListQuery,
  Page,
  PutOptions,
  Read,
  ReadOptions,
  WatchEvent,
  WatchOptions,
  WriteOptions,
  Written,
} from './types.ts';
import { watch } from './watch.ts';

const jsonType = 'application/json';
/** Comparing and healing may take as long as a gateway allows it to. */
const healingTimeoutMs = 330_000;

export class DriftlessClient {
  readonly #transport: Transport;
  readonly #closing = new AbortController();
  readonly #defaults: Pick<ClientOptions, 'ack' | 'consistency'>;
  /** What this client has read and written; undefined when it was told to keep none. */
  readonly session: ClientSession | undefined;

  constructor(options: ClientOptions, transport = new Transport(options)) {
    const { ack, consistency, session } = options;
    this.#transport = transport;
    this.#defaults = { ack, consistency };
    this.session = session === false ? undefined : new ClientSession(session);
  }

  /**
   * A client over the same connections in a session of its own, which goes on from `token` or begins afresh.
   * It ends with this one.
   */
  withSession(token?: string): DriftlessClient {
    const { baseUrls } = this.#transport;
    return new DriftlessClient({ ...this.#defaults, baseUrls, session: token }, this.#transport);
  }

  /** Keeps bytes or text. */
  async put(key: string, value: Uint8Array | string, options: PutOptions = {}): Promise<Written> {
    const fallback = typeof value === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream';
    const headers = this.#writeHeaders(options);
    headers['content-type'] = options.contentType ?? fallback;
    const query = { ack: options.ack ?? this.#defaults.ack, ttl: options.ttlSeconds };
    const path = `/v1/kv/${encodeKey(key)}${queryOf(query)}`;
    const answer = await this.#transport.send({
      method: 'PUT',
      path,
      headers,
      body: value,
      signal: options.signal,
      session: this.session,
    });
    const { created, ...written } = parsed(writtenSchema, answer);
    return { ...written, created: created ?? false, ...standingOf(answer) };
  }

  putJson(key: string, value: unknown, options: PutOptions = {}): Promise<Written> {
    return this.put(key, JSON.stringify(value), { contentType: jsonType, ...options });
  }

  /** Throws `key-not-found` when there is no value. */
  async get(key: string, options: ReadOptions = {}): Promise<Read> {
    const answer = await this.#read('GET', key, options);
    return { ...headOf(answer), value: answer.bytes };
  }

  /** The value, parsed as JSON; its shape is the caller's business. Throws `key-not-found`. */
  async getJson<Value = unknown>(key: string, options: ReadOptions = {}): Promise<Read<Value>> {
    const read = await this.get(key, options);
    return { ...read, value: parseJson(read.value) as Value };
  }

  /** All but the value. Throws `key-not-found`. */
  async head(key: string, options: ReadOptions = {}): Promise<Head> {
    return headOf(await this.#read('HEAD', key, options));
  }

  /** Throws `key-not-found` when there is nothing to delete. */
  async delete(key: string, options: WriteOptions = {}): Promise<Deleted> {
    const query = queryOf({ ack: options.ack ?? this.#defaults.ack });
    const path = `/v1/kv/${encodeKey(key)}${query}`;
    const headers = this.#writeHeaders(options);
    const answer = await this.#transport.send({
      method: 'DELETE',
      path,
      headers,
      signal: options.signal,
      session: this.session,
    });
    return { key, version: versionOf(answer) ?? '', ...standingOf(answer) };
  }

  /** One page, in the order of the keys' bytes. */
  async list(asked: ListQuery = {}): Promise<Page> {
    const { prefix, limit, cursor, values, signal } = asked;
    const query = queryOf({ prefix, limit, cursor, values, ...this.#freshness(asked) });
    const answer = await this.#transport.send({
      method: 'GET',
      path: `/v1/kv${query}`,
      signal,
      session: this.session,
    });
    const { entries, next } = parsed(listSchema, answer);
    return { entries, ...(next !== undefined && { next }), ...standingOf(answer) };
  }

  /** All entries from a query on, page after page. */
  async *entries(query: ListQuery = {}): AsyncGenerator<ListedEntry, void, undefined> {
    let { cursor } = query;
    do {
      const page = await this.list({ ...query, cursor });
      yield* page.entries;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  /** Operations that stand alone: a result each, in order, some of which may be problems. */
  async batch(
    operations: readonly BatchOperation[],
    options: Pick<WriteOptions, 'ack' | 'idempotencyKey' | 'signal'> = {},
  ): Promise<BatchAnswered> {
    const answer = await this.#post('/v1/batch', { operations }, options);
    return asTold(() => batchAnswerOf(parseJson(answer.bytes)));
  }

  /** Adds to a counter, and says its new value. */
  async increment(key: string, by = 1, options: WriteOptions = {}): Promise<Counted> {
    const answer = await this.#post(`/v1/counters/${encodeKey(key)}/increment`, { by }, options);
    return { ...parsed(counterSchema, answer), ...standingOf(answer) };
  }

  async cluster({ signal }: CallOptions = {}): Promise<ClusterView> {
    return parsed(
      clusterViewSchema,
      await this.#transport.send({ method: 'GET', path: '/v1/cluster', signal }),
    );
  }

  async shard(shard: number, { signal }: CallOptions = {}): Promise<ShardView> {
    const path = `/v1/shards/${shard}`;
    return parsed(shardViewSchema, await this.#transport.send({ method: 'GET', path, signal }));
  }

  /** How the replica of `a` differs from that of `b`, and what healing would do on `a`; changes nothing. */
  async diff(shard: number, a: string, b: string, { signal }: CallOptions = {}): Promise<ExchangeAnswer> {
    const path = `/v1/shards/${shard}/diff${queryOf({ a, b })}`;
    const request = { method: 'GET', path, signal, timeoutMs: healingTimeoutMs } as const;
    return parsed(exchangeAnswerSchema, await this.#transport.send(request));
  }

  /** Rounds of anti-entropy at once; resolves when they are over. Throws `unavailable` when none runs. */
  async heal(body: Partial<RunBody> = {}, { signal }: CallOptions = {}): Promise<RunAnswer> {
    return parsed(runAnswerSchema, await this.#order('/v1/admin/heal', body, signal, healingTimeoutMs));
  }

  /** What the anti-entropy process does. Throws `unavailable` when none runs. */
  async antiEntropy({ signal }: CallOptions = {}): Promise<AntiEntropyView> {
    const answer = await this.#transport.send({ method: 'GET', path: '/v1/admin/anti-entropy', signal });
    return parsed(antiEntropyViewSchema, answer);
  }

  /** Damages a replica on purpose. Throws `forbidden` where the node does not allow it. */
  async inject(shard: number, body: InjectBody, { signal }: CallOptions = {}): Promise<InjectAnswer> {
    return parsed(injectAnswerSchema, await this.#order(`/v1/admin/shards/${shard}/inject`, body, signal));
  }

  /** Lets another member lead a shard; resolves when it does. */
  async moveLeader(shard: number, node: string, { signal }: CallOptions = {}): Promise<MovedLeader> {
    return parsed(movedLeaderSchema, await this.#order(`/v1/admin/shards/${shard}/leader`, { node }, signal));
  }

  /** Who is a member, and which shards move. */
  async members({ signal }: CallOptions = {}): Promise<MembersView> {
    const answer = await this.#transport.send({ method: 'GET', path: '/v1/admin/members', signal });
    return parsed(membersViewSchema, answer);
  }

  /** Lets a member go: its shards move to others, reads and writes go on. Resolves when it is ordered. */
  async letMemberLeave(node: string, { signal }: CallOptions = {}): Promise<MembersView> {
    const path = `/v1/admin/members/${encodeURIComponent(node)}`;
    return parsed(membersViewSchema, await this.#transport.send({ method: 'DELETE', path, signal }));
  }

  /** Lets `by` take the place of a member, which leaves. Resolves when it is ordered. */
  async replaceMember(node: string, by: string, { signal }: CallOptions = {}): Promise<MembersView> {
    const path = `/v1/admin/members/${encodeURIComponent(node)}/replacement`;
    return parsed(membersViewSchema, await this.#order(path, { by }, signal));
  }

  /** Operations of deposed leaders that are in no history and wait for a person. */
  async orphans({ signal }: CallOptions = {}): Promise<OrphanView[]> {
    const answer = await this.#transport.send({ method: 'GET', path: '/v1/admin/orphans', signal });
    return parsed(orphanListSchema, answer).orphans;
  }

  /** Gives an orphan up for good. */
  async discardOrphan(
    { node, shard, version }: Pick<OrphanView, 'node' | 'shard' | 'version'>,
    { signal }: CallOptions = {},
  ): Promise<void> {
    const path = `/v1/admin/orphans/${node}/${shard}/${version}`;
    await this.#transport.send({ method: 'DELETE', path, signal });
  }

  /**
   * Changes as they are committed, each once, those of a key in the order of its versions; across lost
   * connections, from any of the gateways. Ends when `signal` aborts or the client is closed. Throws
   * `watch-expired` when the history is not kept back to where it should go on.
   */
  async *watch(options: WatchOptions = {}): AsyncGenerator<WatchEvent, void, undefined> {
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal ? [options.signal] : [])]);
    yield* watch(this.#transport, { ...options, signal });
  }

  /** Ends watches, waits for what else is under way, then closes the connections. */
  close(): Promise<void> {
    this.#closing.abort();
    return this.#transport.close();
  }

  #read(method: 'GET' | 'HEAD', key: string, options: ReadOptions): Promise<HttpAnswer> {
    const { signal } = options;
    const path = `/v1/kv/${encodeKey(key)}${queryOf(this.#freshness(options))}`;
    return this.#transport.send({ method, path, signal, session: this.session });
  }

  #freshness({ consistency, maxStalenessMs }: ReadOptions) {
    const byBound = maxStalenessMs === undefined ? this.#defaults.consistency : 'bounded';
    return { consistency: consistency ?? byBound, maxStalenessMs };
  }

  /** A JSON document that writes. */
  #post(path: string, document: unknown, options: WriteOptions): Promise<HttpAnswer> {
    return this.#transport.send({
      method: 'POST',
      path: `${path}${queryOf({ ack: options.ack ?? this.#defaults.ack })}`,
      headers: { ...this.#writeHeaders(options), 'content-type': jsonType },
      body: JSON.stringify(document),
      signal: options.signal,
      session: this.session,
    });
  }

  /** A JSON document that says what an operator wants. */
  #order(path: string, document: unknown, signal?: AbortSignal, timeoutMs?: number): Promise<HttpAnswer> {
    return this.#transport.send({
      method: 'POST',
      path,
      headers: { 'content-type': jsonType },
      body: JSON.stringify(document),
      signal,
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
  }

  #writeHeaders({ ifMatch, ifNoneMatch, idempotencyKey }: WriteOptions): Record<string, string> {
    const headers: Record<string, string> = {};
    if (ifMatch !== undefined) headers['if-match'] = asTags(ifMatch);
    if (ifNoneMatch !== undefined) headers['if-none-match'] = asTags(ifNoneMatch);
    const mayRetry = this.#transport.retries > 0;
    if (typeof idempotencyKey === 'string') headers['idempotency-key'] = idempotencyKey;
    else if (idempotencyKey === undefined && mayRetry) headers['idempotency-key'] = randomUUID();
    return headers;
  }
}

/** A bare version is quoted as HTTP wants it; anything else goes as it is. */
function asTags(condition: string): string {
  return parsePosition(condition) === undefined ? condition : `"${condition}"`;
}

function encodeKey(key: string): string {
  if (key.isWellFormed()) return encodeURIComponent(key);
  throw new ClientError('invalid-key', 'A key is well-formed UTF-8; this one holds a lone surrogate.');
}

function queryOf(parameters: Record<string, string | number | boolean | undefined>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  return `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`;
}

function headOf(answer: HttpAnswer): Head {
  return {
    version: versionOf(answer) ?? '',
    contentType: textOf(answer.headers['content-type']) ?? 'application/octet-stream',
    bytes: Number(textOf(answer.headers['content-length']) ?? answer.bytes.length),
    ...standingOf(answer),
  };
}

function parsed<Schema extends z.ZodType>(schema: Schema, { bytes }: HttpAnswer): z.output<Schema> {
  return asTold(() => schema.parse(parseJson(bytes)));
}

/** What an answer says; what a schema throws tells that it is none. */
function asTold<Told>(read: () => Told): Told {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof ZodError)) throw cause;
    const hint = 'Is this the URL of a Driftless gateway, of the version of this client?';
    throw new ClientError('internal', 'The answer is not what was asked for.', { cause, hint });
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')) as unknown;
  } catch (cause) {
    throw new ClientError('invalid-value', 'The answer is not JSON.', { cause });
  }
}
