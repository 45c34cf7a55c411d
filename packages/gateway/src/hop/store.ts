/** The store as the routes see it: keys in, outcomes out; shards, leaders and lanes are its own business. */
import {
  type AckLevel,
  type ClusterRecord,
  DriftlessError,
  eventBytesMax,
  eventOperationsMax,
  type ReadLevel,
  shardOf,
} from '@driftless/contracts';
import type { GatewayConfig } from '../config.ts';
import { notReadyReason } from '../core/routing.ts';
import type { GatewayTelemetry } from '../telemetry.ts';
import { NodeDirectory } from './directory.ts';
import { Lister, type ListPage, type ListRequest } from './lister.ts';
import type { Write, Written } from './pending-write.ts';
import { Reader, type ReadOutcome } from './reader.ts';
import type { RoutingTable } from './routing-table.ts';
import { Writer } from './writer.ts';

/** How often lanes are swept: the precision of deadlines and back-offs. */
const sweepMs = 20;

export class Store {
  readonly routing: RoutingTable;
  readonly directory: NodeDirectory;
  readonly #writer: Writer;
  readonly #reader: Reader;
  readonly #lister: Lister;
  readonly #sweep: NodeJS.Timeout;

  constructor(config: GatewayConfig, routing: RoutingTable, telemetry: GatewayTelemetry) {
    this.routing = routing;
    this.directory = new NodeDirectory((node) => routing.urlOf(node), connectionOptions(config), telemetry);
    const lane = laneLimits(config);
    const { routeWaitMs, writeTimeoutMs, readTimeoutMs } = config;
    this.#writer = new Writer({ lane, routeWaitMs, writeTimeoutMs }, routing, this.directory, telemetry);
    this.#reader = new Reader({ lane, routeWaitMs, readTimeoutMs }, routing, this.directory, telemetry);
    this.#lister = new Lister(
      { routeWaitMs, bytesMax: config.listBytesMax, retryMs: config.retryMaxMs },
      { routing, directory: this.directory, reader: this.#reader, telemetry },
    );
    this.#sweep = setInterval(() => {
      this.#writer.sweep();
      this.#reader.sweep();
    }, sweepMs).unref();
  }

  /** What was fixed when the cluster was made. Throws `replica-unavailable` until it is known. */
  get cluster(): ClusterRecord {
    const { cluster } = this.routing.state;
    if (cluster !== undefined) return cluster;
    throw new DriftlessError('replica-unavailable', notReadyReason(this.routing.state) ?? '');
  }

  /** Rejects only while the cluster isn't known: what goes wrong with a write is in its result. */
  async write(ack: AckLevel, write: Write): Promise<Written> {
    return this.#writer.write(shardOf(write.operation.key, this.cluster.shardCount), ack, [write]);
  }

  /** Writes of any shards; those of one shard are done in their order. Outcomes in the order of `writes`. */
  async writeAll(ack: AckLevel, writes: readonly Write[]): Promise<Written['results']> {
    const { shardCount } = this.cluster;
    const indices = Map.groupBy(writes.keys(), (i) =>
      shardOf((writes[i] as Write).operation.key, shardCount),
    );
    const results: Written['results'] = [];
    await Promise.all(
      [...indices].map(async ([shard, own]) => {
        const written = await this.#writer.writeAll(
          shard,
          ack,
          own.map((i) => writes[i] as Write),
        );
        for (const [n, i] of own.entries()) results[i] = written.results[n] as Written['results'][number];
      }),
    );
    return results;
  }

  /** Rejects only while the cluster isn't known. */
  async read(key: string, level: ReadLevel): Promise<ReadOutcome> {
    return this.#reader.read(shardOf(key, this.cluster.shardCount), key, level);
  }

  /** Throws `DriftlessError`. */
  list(request: ListRequest): Promise<ListPage> {
    return this.#lister.list(request, this.cluster.shardCount);
  }

  /** Operations that wait in lanes. */
  waiting(): { lane: string; operations: number }[] {
    return [
      { lane: 'write', operations: this.#writer.waitingOperations },
      { lane: 'read', operations: this.#reader.waitingOperations },
    ];
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    await this.directory.close();
  }
}

function laneLimits(config: GatewayConfig) {
  return {
    requestsMax: config.laneInFlightMax,
    requestOperationsMax: eventOperationsMax,
    requestBytesMax: eventBytesMax,
    waitingOperationsMax: config.laneWaitingOperationsMax,
    waitingBytesMax: config.laneWaitingBytesMax,
    backoff: { firstMs: config.retryFirstMs, maxMs: config.retryMaxMs },
  };
}

function connectionOptions(config: GatewayConfig) {
  return {
    connectTimeoutMs: config.connectTimeoutMs,
    answerTimeoutMs: {
      write: config.writeTimeoutMs + config.hopMarginMs,
      read: config.readTimeoutMs,
      list: config.readTimeoutMs + config.hopMarginMs,
    },
    connectionsMax: config.nodeConnectionsMax,
    circuitFailuresMax: config.circuitFailuresMax,
    circuitOpenMs: config.circuitOpenMs,
  };
}
