/**
 * The store as the routes see it: keys in, outcomes out; shards, leaders and lanes are its own business. What
 * a session has seen goes with every request to a node, and what it sees comes back into it.
 */
import {
  type AckLevel,
  type ClusterRecord,
  canaryKey,
  DriftlessError,
  eventBytesMax,
  eventOperationsMax,
  type Freshness,
  parsePosition,
  shardOf,
  type WriteResult,
} from '@driftless/contracts';
import type { TraceSpan } from '@driftless/runtime';
import type { GatewayConfig } from '../config.ts';
import { notReadyReason } from '../core/routing.ts';
import { Session } from '../core/session.ts';
import type { GatewayTelemetry } from '../telemetry.ts';
import { NodeDirectory } from './directory.ts';
import { Lister, type ListPage, type ListRequest } from './lister.ts';
import type { Write, Written } from './pending-write.ts';
import { hopPorts } from './ports.ts';
import { Reader, type ReadOutcome } from './reader.ts';
import type { RoutingTable } from './routing-table.ts';
import { Writer } from './writer.ts';

/** How fresh a request wants its answer. */
export type AskedFreshness = Pick<Freshness, 'level' | 'maxStalenessMs'>;

/** How often lanes are swept: the precision of deadlines and back-offs. */
const sweepMs = 20;

export class Store {
  readonly routing: RoutingTable;
  readonly directory: NodeDirectory;
  readonly #writer: Writer;
  readonly #reader: Reader;
  readonly #lister: Lister;
  readonly #telemetry: GatewayTelemetry;
  readonly #sessionWaitMs: number;
  readonly #endSweeps: () => void;

  constructor(
    config: GatewayConfig,
    routing: RoutingTable,
    telemetry: GatewayTelemetry,
    ports = hopPorts(config, telemetry),
  ) {
    this.routing = routing;
    this.#telemetry = telemetry;
    this.directory = new NodeDirectory((node) => routing.urlOf(node), ports.connect);
    const lane = laneLimits(config);
    const { routeWaitMs, writeTimeoutMs, readTimeoutMs, sessionWaitMs, sessionWaitsMax } = config;
    const reading = { lane, routeWaitMs, readTimeoutMs, sessionWaitMs, sessionWaitsMax };
    this.#sessionWaitMs = sessionWaitMs;
    const writing = { lane: { ...lane, lingerMs: config.writeLingerMs }, routeWaitMs, writeTimeoutMs };
    this.#writer = new Writer(writing, routing, this.directory, telemetry, ports);
    this.#reader = new Reader(reading, routing, this.directory, telemetry, ports);
    this.#lister = new Lister(
      { routeWaitMs, bytesMax: config.listBytesMax, retryMs: config.retryMaxMs },
      { routing, directory: this.directory, reader: this.#reader, telemetry, clock: ports.clock },
    );
    this.#endSweeps = ports.clock.every(sweepMs, () => {
      this.#writer.sweep();
      this.#reader.sweep();
    });
  }

  /** What was fixed when the cluster was made. Throws `replica-unavailable` until it is known. */
  get cluster(): ClusterRecord {
    const { cluster } = this.routing.state;
    if (cluster !== undefined) return cluster;
    throw new DriftlessError('replica-unavailable', notReadyReason(this.routing.state) ?? '');
  }

  /** Rejects only while the cluster isn't known: what goes wrong with a write is in its result. */
  write(ack: AckLevel, write: Write, session = new Session(), span?: TraceSpan): Promise<Written> {
    return new Promise((resolve) => {
      const shard = this.#shardOf(write.operation.key);
      const settle = (written: Written): void => {
        const [result] = written.results;
        this.#telemetry.written(ack, result?.error);
        // As in learnFromRead: the same for all that were written together, and as soon readable.
        const { newest } = written;
        const wasDone = result !== undefined && result.error === undefined;
        if (session.isNew && wasDone && newest !== undefined) session.saw(shard, newest);
        else if (result) learnFromWrite(session, shard, result);
        resolve(written);
      };
      this.#writer.write(shard, ack, afterSession([write], shard, session), settle, span);
    });
  }

  /** Some shard has more writes than it can do. */
  get isCrowded(): boolean {
    return this.#writer.isCrowded;
  }

  /** Whether a write of this key would be told `overloaded` now; if so, it counts as one that was. */
  turnsAway(ack: AckLevel, key: string): boolean {
    const isAway = this.#writer.turnsAway(this.#shardOf(key), ack);
    if (isAway) this.#telemetry.written(ack, 'overloaded');
    return isAway;
  }

  /** Writes of any shards; those of one shard are done in their order. Outcomes in the order of `writes`. */
  async writeAll(
    ack: AckLevel,
    writes: readonly Write[],
    session = new Session(),
    span?: TraceSpan,
  ): Promise<Written['results']> {
    const indices = Map.groupBy(writes.keys(), (i) => this.#shardOf((writes[i] as Write).operation.key));
    const results: Written['results'] = [];
    await Promise.all(
      [...indices].map(async ([shard, own]) => {
        const ordered = own.map((i) => writes[i] as Write);
        const written = await this.#writer.writeAll(shard, ack, afterSession(ordered, shard, session), span);
        for (const [n, i] of own.entries()) {
          results[i] = written.results[n] as WriteResult;
          this.#telemetry.written(ack, results[i].error);
          learnFromWrite(session, shard, results[i]);
        }
      }),
    );
    return results;
  }

  /** Rejects only while the cluster isn't known. */
  read(key: string, asked: AskedFreshness, session = new Session(), span?: TraceSpan): Promise<ReadOutcome> {
    return new Promise((resolve) => {
      const shard = this.#shardOf(key);
      const settle = (outcome: ReadOutcome): void => {
        this.#telemetry.read(asked.level, outcome.type === 'failed' ? outcome.code : undefined);
        if (outcome.type !== 'failed') learnFromRead(session, shard, outcome);
        else if (outcome.lost) session.lost(outcome.lost);
        resolve(outcome);
      };
      const seen = session.seen(shard);
      this.#reader.read(shard, key, seen ? { ...asked, seen } : asked, settle, span);
    });
  }

  /** Throws `DriftlessError`. */
  async list(
    request: Omit<ListRequest, 'freshnessOf'> & { asked: AskedFreshness },
    session = new Session(),
  ): Promise<ListPage> {
    const freshnessOf = (shard: number): Freshness => {
      const seen = session.seen(shard);
      return { ...request.asked, ...(seen && { seen, waitMs: this.#sessionWaitMs }) };
    };
    try {
      const page = await this.#lister.list({ ...request, freshnessOf }, this.cluster.shardCount);
      // What is not in a listing was seen as well: all that its replicas had applied.
      for (const { shard, standing } of page.served) session.saw(shard, standing.position);
      return page;
    } catch (error) {
      if (error instanceof DriftlessError && error.lost) session.lost(error.lost);
      throw error;
    }
  }

  /** The key of the store's own that canaries of a shard are written to. */
  canaryKey(shard: number): string {
    return canaryKey(shard, this.cluster.shardCount);
  }

  /** Writes a canary as a client's write would be, but it is counted with none of them. */
  async putCanary(shard: number, key: string, value: Uint8Array): Promise<WriteResult> {
    const operation = { op: 'put' as const, key, bytes: value.length, type: 'application/json' };
    const { results } = await this.#writer.writeAll(shard, 'stream', [{ operation, value }]);
    return results[0] as WriteResult;
  }

  #shardOf(key: string): number {
    const { shardCount } = this.cluster;
    return shardCount === 1 ? 0 : shardOf(key, shardCount);
  }

  /** Operations that wait in lanes. */
  waiting(): { lane: string; operations: number }[] {
    return [
      { lane: 'write', operations: this.#writer.waitingOperations },
      { lane: 'read', operations: this.#reader.waitingOperations },
    ];
  }

  async close(): Promise<void> {
    this.#endSweeps();
    await this.directory.close();
  }
}

function laneLimits(config: GatewayConfig) {
  return {
    requestsMax: config.laneInFlightMax,
    crowdedRequestsMax: Math.max(config.laneInFlightMax, config.laneCrowdedInFlightMax),
    requestOperationsMax: eventOperationsMax,
    requestBytesMax: eventBytesMax,
    waitingOperationsMax: config.laneWaitingOperationsMax,
    waitingBytesMax: config.laneWaitingBytesMax,
    backoff: { firstMs: config.retryFirstMs, maxMs: config.retryMaxMs },
    lingerMs: 0,
    standingWaitMs: config.laneStandingWaitMs,
  };
}

function afterSession(writes: readonly Write[], shard: number, session = new Session()): readonly Write[] {
  const seen = session.seen(shard);
  if (seen === undefined) return writes;
  return writes.map(({ operation, value }) => ({ operation: { ...operation, seen }, value }));
}

/** A write that may or may not last has shown nothing yet. */
function learnFromWrite(session: Session, shard: number, { error, version, lost }: WriteResult): void {
  if (lost) session.lost(lost);
  if (error !== 'indeterminate') learnVersion(session, shard, version);
}

/**
 * A session that begins here begins with all that the replica has: more than it saw, but the same for all
 * reads between two writes, so that its token is mostly made already. Later it learns what it sees, and no
 * more: then it seldom has to wait for a replica.
 */
function learnFromRead(
  session: Session,
  shard: number,
  read: Exclude<ReadOutcome, { type: 'failed' }>,
): void {
  const { standing } = read;
  if (session.isNew && standing?.settled) session.saw(shard, standing.position);
  else learnVersion(session, shard, read.type === 'found' ? read.entry.version : read.version);
}

function learnVersion(session: Session, shard: number, version: string | undefined): void {
  const position = version === undefined ? undefined : parsePosition(version);
  if (position !== undefined) session.saw(shard, position);
}
