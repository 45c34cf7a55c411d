/**
 * Writes go to the leader of their shard and nowhere else, through one lane for each (shard, ack level):
 * levels don't share requests, so that a write that waits for all replicas doesn't hold up one that waits for
 * none.
 */
import {
  type AckLevel,
  eventBytesBound,
  eventBytesMax,
  eventOperationsMax,
  type WriteOperation,
} from '@driftless/contracts';
import type { TraceSpan } from '@driftless/runtime';
import { assert } from '../core/assert.ts';
import type { LaneLimits } from '../core/lane.ts';
import { HopError } from '../core/outcome.ts';
import type { GatewayTelemetry } from '../telemetry.ts';
import type { NodeDirectory } from './directory.ts';
import { LaneRunner } from './lane-runner.ts';
import { PendingWrite, type Write, type Written } from './pending-write.ts';
import type { HopPorts } from './ports.ts';
import type { RoutingTable } from './routing-table.ts';

export interface WriterOptions {
  lane: Omit<LaneLimits, 'requestOperationsMax' | 'requestBytesMax'>;
  /** How long a write waits for a leader that takes it. */
  routeWaitMs: number;
  /** How long the node may wait for the ack level. */
  writeTimeoutMs: number;
}

export class Writer {
  readonly #lanes = new Map<string, LaneRunner<PendingWrite>>();
  readonly #lanesOfShard = new Map<number, LaneRunner<PendingWrite>[]>();
  readonly #options: WriterOptions;
  readonly #limits: LaneLimits;
  readonly #routing: RoutingTable;
  readonly #directory: NodeDirectory;
  readonly #telemetry: GatewayTelemetry;
  readonly #time: Pick<HopPorts, 'clock' | 'random'>;

  constructor(
    options: WriterOptions,
    routing: RoutingTable,
    directory: NodeDirectory,
    telemetry: GatewayTelemetry,
    { clock, random }: Pick<HopPorts, 'clock' | 'random'>,
  ) {
    this.#options = options;
    this.#time = { clock, random };
    this.#limits = {
      ...options.lane,
      requestOperationsMax: eventOperationsMax,
      requestBytesMax: eventBytesMax,
    };
    this.#routing = routing;
    this.#directory = directory;
    this.#telemetry = telemetry;
    routing.onLeader(({ shard }) => {
      for (const lane of this.#lanesOfShard.get(shard) ?? []) lane.route(routing.targetOf(shard));
    });
  }

  /** Writes of one shard, in order and in one request. Never rejects. */
  write(shard: number, ack: AckLevel, writes: readonly Write[], span?: TraceSpan): Promise<Written> {
    assert(writes.length > 0 && writes.length <= eventOperationsMax, 'a request has too few or many writes');
    return new Promise((resolve) => {
      const offeredAt = this.#time.clock.monotonic();
      const pending = new PendingWrite(writes, offeredAt, this.#options.routeWaitMs, resolve, span);
      if (this.#laneOf(shard, ack).offer(pending)) return;
      this.#telemetry.shed('lane');
      pending.rejected();
    });
  }

  /** Writes of one shard, in order, in as many requests after each other as their bytes need. */
  async writeAll(shard: number, ack: AckLevel, writes: readonly Write[], span?: TraceSpan): Promise<Written> {
    const all: Written = { results: [] };
    for (const part of inRequests(writes)) {
      const { results, ...by } = await this.write(shard, ack, part, span);
      all.results.push(...results);
      Object.assign(all, by);
    }
    return all;
  }

  sweep(): void {
    for (const lane of this.#lanes.values()) lane.sweep();
  }

  get waitingOperations(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.waitingOperations, 0);
  }

  #laneOf(shard: number, ack: AckLevel): LaneRunner<PendingWrite> {
    const name = `${shard} ${ack}`;
    const present = this.#lanes.get(name);
    if (present !== undefined) return present;
    const lane = new LaneRunner<PendingWrite>(this.#limits, {
      ...this.#time,
      send: (items, node) => this.#send(shard, ack, items, node),
      expired: (items, target) => {
        for (const item of items) item.expired(target !== undefined);
      },
    });
    lane.route(this.#routing.targetOf(shard));
    this.#lanes.set(name, lane);
    this.#lanesOfShard.set(shard, [...(this.#lanesOfShard.get(shard) ?? []), lane]);
    return lane;
  }

  async #send(shard: number, ack: AckLevel, items: PendingWrite[], node: string): Promise<PendingWrite[]> {
    const operations: WriteOperation[] = [];
    const values: Uint8Array[] = [];
    for (const item of items) {
      item.sent(shard, node);
      for (const { operation, value } of item.open()) {
        operations.push(operation);
        if (operation.op === 'put') values.push(value);
      }
    }
    this.#telemetry.batchSent('write', operations.length);
    const again = await this.#attempt({ shard, ack, operations }, values, items, node);
    if (again.length > 0)
      this.#telemetry.retried(
        'write',
        again.reduce((sum, item) => sum + item.operations, 0),
      );
    return again;
  }

  async #attempt(
    header: { shard: number; ack: AckLevel; operations: WriteOperation[] },
    values: Uint8Array[],
    items: PendingWrite[],
    node: string,
  ): Promise<PendingWrite[]> {
    const connection = this.#directory.to(node);
    try {
      if (connection === undefined) throw unknownNode(node);
      const timeoutMs = this.#options.writeTimeoutMs;
      const { results, position } = await connection.write({ ...header, timeoutMs }, values);
      const newest = results.findLast(({ error, replayed }) => error === undefined && !replayed)?.version;
      const by = { node, position, ...(newest !== undefined && { newest }) };
      let next = 0;
      return items.filter((item) => {
        const own = results.slice(next, next + item.operations);
        next += own.length;
        return item.answered(by, own);
      });
    } catch (error) {
      if (!(error instanceof HopError)) throw error;
      return items.filter((item) => item.failed(error));
    }
  }
}

export function unknownNode(node: string): HopError {
  return new HopError('not-sent', 'replica-unavailable', `Nobody knows where ${node} is.`);
}

function* inRequests(writes: readonly Write[]): Generator<Write[]> {
  let part: Write[] = [];
  let bytes = 0;
  for (const write of writes) {
    const size = eventBytesBound(write.operation, write.value.length);
    const isFull = part.length === eventOperationsMax || (part.length > 0 && bytes + size > eventBytesMax);
    if (isFull) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(write);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
