/**
 * Reads. An eventual read goes to any good replica, in a lane for each node, and on failure to the next
 * replica until all have been asked. A read of the leader's state goes to the leader, in a lane for each
 * shard, and waits like a write for one that takes it. Reads change nothing, so they may always be asked
 * again.
 */
import type { ErrorCode, ReadLevel, ReadResult, Standing } from '@driftless/contracts';
import { PayloadReader } from '@driftless/contracts';
import type { LaneItem, LaneLimits } from '../core/lane.ts';
import { HopError, isRefusal } from '../core/outcome.ts';
import { chooseReplica } from '../core/replica-choice.ts';
import type { GatewayTelemetry } from '../telemetry.ts';
import type { NodeDirectory } from './directory.ts';
import { LaneRunner } from './lane-runner.ts';
import type { RoutingTable } from './routing-table.ts';
import { unknownNode } from './writer.ts';

export type Found = Extract<ReadResult, { found: true }>;

export type ReadOutcome =
  | { type: 'found'; node: string; standing: Standing | undefined; entry: Found; value: Uint8Array }
  | { type: 'missing'; node: string; standing: Standing | undefined }
  | { type: 'failed'; code: ErrorCode; detail: string };

export interface ReaderOptions {
  lane: LaneLimits;
  routeWaitMs: number;
  readTimeoutMs: number;
}

interface PendingRead extends LaneItem {
  shard: number;
  key: string;
  level: ReadLevel;
  settle(outcome: ReadOutcome): void;
}

const noValue = new Uint8Array(0);
/** JSON around a read in a request's header, about. */
const headerBytes = 64;

export class Reader {
  readonly #ofNode = new Map<string, LaneRunner<PendingRead>>();
  readonly #ofLeader = new Map<number, LaneRunner<PendingRead>>();
  readonly #options: ReaderOptions;
  readonly #routing: RoutingTable;
  readonly #directory: NodeDirectory;
  readonly #telemetry: GatewayTelemetry;
  #turn = 0;

  constructor(
    options: ReaderOptions,
    routing: RoutingTable,
    directory: NodeDirectory,
    telemetry: GatewayTelemetry,
  ) {
    this.#options = options;
    this.#routing = routing;
    this.#directory = directory;
    this.#telemetry = telemetry;
    routing.onLeader(({ shard }) => this.#ofLeader.get(shard)?.route(routing.targetOf(shard)));
  }

  /** Never rejects. */
  read(shard: number, key: string, level: ReadLevel): Promise<ReadOutcome> {
    if (level === 'eventual') return this.#readAnywhere(shard, key);
    return this.#offer(this.#laneOfLeader(shard), shard, key, level, this.#options.routeWaitMs);
  }

  /** A replica for one eventual read that isn't in `tried`; each call goes on to the next in turn. */
  choose(shard: number, tried: readonly string[]): string | undefined {
    const route = this.#routing.route(shard);
    if (route === undefined) return undefined;
    this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER;
    return chooseReplica(route, this.#turn, tried, (node) => this.#directory.circuitOf(node) !== 'open');
  }

  sweep(): void {
    for (const lane of this.#ofNode.values()) lane.sweep();
    for (const lane of this.#ofLeader.values()) lane.sweep();
  }

  get waitingOperations(): number {
    const lanes = [...this.#ofNode.values(), ...this.#ofLeader.values()];
    return lanes.reduce((sum, lane) => sum + lane.waitingOperations, 0);
  }

  async #readAnywhere(shard: number, key: string): Promise<ReadOutcome> {
    const tried: string[] = [];
    let last: ReadOutcome = noReplica;
    for (;;) {
      const node = this.choose(shard, tried);
      if (node === undefined) return last;
      last = await this.#offer(this.#laneOfNode(node), shard, key, 'eventual', this.#options.readTimeoutMs);
      if (last.type !== 'failed' || last.code === 'overloaded') return last;
      this.#telemetry.retried('read', 1);
      tried.push(node);
    }
  }

  #offer(
    lane: LaneRunner<PendingRead>,
    shard: number,
    key: string,
    level: ReadLevel,
    waitMs: number,
  ): Promise<ReadOutcome> {
    return new Promise((settle) => {
      const deadlineAt = performance.now() + waitMs;
      const bytes = key.length * 3 + headerBytes;
      if (lane.offer({ shard, key, level, settle, deadlineAt, bytes, operations: 1 })) return;
      this.#telemetry.shed('lane');
      settle({ type: 'failed', code: 'overloaded', detail: 'Too many reads are waiting.' });
    });
  }

  #laneOfNode(node: string): LaneRunner<PendingRead> {
    const present = this.#ofNode.get(node);
    if (present !== undefined) return present;
    const lane = new LaneRunner<PendingRead>(this.#options.lane, {
      // What fails here is settled as failed: the caller asks another node, so nothing goes again to this
      // one.
      send: async (items) => {
        for (const { item, outcome } of await this.#ask(items, node)) item.settle(outcome);
        return [];
      },
      expired: (items) => settleExpired(items, 'replica-unavailable'),
    });
    lane.route({ node, epoch: 0 });
    this.#ofNode.set(node, lane);
    return lane;
  }

  #laneOfLeader(shard: number): LaneRunner<PendingRead> {
    const present = this.#ofLeader.get(shard);
    if (present !== undefined) return present;
    const lane = new LaneRunner<PendingRead>(this.#options.lane, {
      send: async (items, node) => {
        const again: PendingRead[] = [];
        for (const { item, outcome } of await this.#ask(items, node)) {
          if (outcome.type === 'failed' && goesAgain(outcome.code)) again.push(item);
          else item.settle(outcome);
        }
        if (again.length > 0) this.#telemetry.retried('read', again.length);
        return again;
      },
      expired: (items, target) => settleExpired(items, target ? 'replica-unavailable' : 'no-leader'),
    });
    lane.route(this.#routing.targetOf(shard));
    this.#ofLeader.set(shard, lane);
    return lane;
  }

  async #ask(items: PendingRead[], node: string): Promise<{ item: PendingRead; outcome: ReadOutcome }[]> {
    this.#telemetry.batchSent('read', items.length);
    const reads = items.map(({ shard, key, level }) => ({ shard, key, level }));
    try {
      const connection = this.#directory.to(node);
      if (connection === undefined) throw unknownNode(node);
      const { answer, body } = await connection.read({ reads });
      const payloads = new PayloadReader(body);
      return items.map((item, i) => {
        const standing = answer.standings.find(({ shard }) => shard === item.shard);
        return { item, outcome: outcomeOf(answer.results[i] as ReadResult, node, standing, payloads) };
      });
    } catch (error) {
      if (!(error instanceof HopError)) throw error;
      const outcome = { type: 'failed' as const, code: error.code, detail: error.message };
      return items.map((item) => ({ item, outcome }));
    }
  }
}

export const noReplica: ReadOutcome & { type: 'failed' } = {
  type: 'failed',
  code: 'replica-unavailable',
  detail: 'No healthy replica of the shard is known at the moment.',
};

/** Whether a read of the leader's state that failed with this code may be asked again. */
export function goesAgain(code: ErrorCode): boolean {
  return isRefusal(code) || code === 'upstream-timeout';
}

function outcomeOf(
  result: ReadResult,
  node: string,
  standing: Standing | undefined,
  payloads: PayloadReader,
): ReadOutcome {
  if ('error' in result) return { type: 'failed', code: result.error, detail: result.detail };
  if (!result.found) return { type: 'missing', node, standing };
  const value = result.bytes === 0 ? noValue : payloads.take(result.bytes);
  return { type: 'found', node, standing, entry: result, value };
}

function settleExpired(items: readonly PendingRead[], code: ErrorCode): void {
  const detail =
    code === 'no-leader' ? 'No node has led the shard in time.' : 'The node did not answer in time.';
  for (const item of items) item.settle({ type: 'failed', code, detail });
}
