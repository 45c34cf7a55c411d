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
  parsePosition,
  type WriteAnswer,
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
  /** Lanes that turned somebody away, and may do so again. */
  readonly #crowded = new Set<LaneRunner<PendingWrite>>();
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

  /**
   * Writes of one shard, in order and in one request. Calls `settle` once, whatever becomes of them; what
   * each of many operations costs stands here, so it makes no promise of its own.
   */
  write(
    shard: number,
    ack: AckLevel,
    writes: readonly Write[],
    settle: (written: Written) => void,
    span?: TraceSpan,
  ): void {
    assert(writes.length > 0 && writes.length <= eventOperationsMax, 'a request has too few or many writes');
    const offeredAt = this.#time.clock.monotonic();
    const pending = new PendingWrite(writes, offeredAt, this.#options.routeWaitMs, settle, span);
    const lane = this.#laneOf(shard, ack);
    if (lane.offer(pending)) return;
    this.#crowded.add(lane);
    this.#telemetry.shed('lane');
    pending.rejected();
  }

  /** Whether some lane turns writes away, so that it is worth asking `turnsAway`. */
  get isCrowded(): boolean {
    return this.#crowded.size > 0;
  }

  /** Whether a write of this shard has no place. If so, it counts as shed. */
  turnsAway(shard: number, ack: AckLevel): boolean {
    const lane = this.#laneOf(shard, ack);
    if (!this.#crowded.has(lane) || !lane.turnsAway()) return false;
    this.#telemetry.shed('lane');
    return true;
  }

  /** Writes of one shard, in order, in as many requests after each other as their bytes need. */
  async writeAll(shard: number, ack: AckLevel, writes: readonly Write[], span?: TraceSpan): Promise<Written> {
    const all: Written = { results: [] };
    for (const part of inRequests(writes)) {
      const written = await new Promise<Written>((settle) => this.write(shard, ack, part, settle, span));
      if (part.length === writes.length) return written;
      const { results, ...by } = written;
      all.results.push(...results);
      Object.assign(all, by);
    }
    return all;
  }

  sweep(): void {
    for (const lane of this.#lanes.values()) lane.sweep();
    for (const lane of this.#crowded) if (!lane.isCrowded) this.#crowded.delete(lane);
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
      send: (items, node, ended) => this.#send({ shard, ack }, items, node, ended),
      expired: (items, target) => {
        for (const item of items) item.expired(target !== undefined);
      },
    });
    lane.route(this.#routing.targetOf(shard));
    this.#lanes.set(name, lane);
    this.#lanesOfShard.set(shard, [...(this.#lanesOfShard.get(shard) ?? []), lane]);
    return lane;
  }

  #send(
    { shard, ack }: { shard: number; ack: AckLevel },
    items: PendingWrite[],
    node: string,
    ended: (again: readonly PendingWrite[]) => void,
  ): void {
    const operations: WriteOperation[] = [];
    const values: Uint8Array[] = [];
    for (const item of items) {
      item.sent(shard, node);
      item.addTo(operations, values);
    }
    this.#telemetry.batchSent('write', operations.length);
    const header = { shard, ack, operations, timeoutMs: this.#options.writeTimeoutMs };
    const asking = this.#directory.to(node)?.write(header, values) ?? Promise.reject(unknownNode(node));
    asking.then(
      (answer) => ended(this.#retried(answered(items, answer, node))),
      (error: unknown) => {
        if (!(error instanceof HopError)) throw error;
        ended(this.#retried(items.filter((item) => item.failed(error))));
      },
    );
  }

  #retried(again: readonly PendingWrite[]): readonly PendingWrite[] {
    const operations = again.reduce((sum, item) => sum + item.operations, 0);
    if (operations > 0) this.#telemetry.retried('write', operations);
    return again;
  }
}

/** Gives each its results; the ones of which some were refused. */
function answered(
  items: readonly PendingWrite[],
  { results, position }: WriteAnswer,
  node: string,
): PendingWrite[] {
  const newest = results.findLast(({ error, replayed }) => error === undefined && !replayed)?.version;
  const by = { node, position, newest: newest === undefined ? undefined : parsePosition(newest) };
  const again: PendingWrite[] = [];
  let from = 0;
  for (const item of items) {
    const { operations } = item;
    if (item.answered(by, results, from)) again.push(item);
    from += operations;
  }
  return again;
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
