/**
 * Reads. A read that any replica may serve goes to a good one, in a lane for each node, and on failure to the
 * next until all have been asked, the leader among them. A read that only the leader may serve goes there, in
 * a lane for each shard and level, and waits like a write for one that takes it. Reads change nothing, so
 * they may always be asked again.
 *
 * A session's read is asked without a wait first. Only a replica that says it is behind is asked a second
 * time and may wait then, by a request of its own: in a lane it would hold up all that travel with it.
 */
import {
  type ErrorCode,
  type Freshness,
  type HopRead,
  isLeaderLevel,
  PayloadReader,
  type ReadLevel,
  type ReadResult,
  type Standing,
} from '@driftless/contracts';
import type { TraceSpan } from '@driftless/runtime';
import type { LaneItem, LaneLimits } from '../core/lane.ts';
import { type FailureDetails, HopError, isTooFarBehind, mayReadElsewhere } from '../core/outcome.ts';
import { chooseReplica } from '../core/replica-choice.ts';
import type { GatewayTelemetry } from '../telemetry.ts';
import type { NodeDirectory } from './directory.ts';
import { LaneRunner } from './lane-runner.ts';
import type { HopPorts } from './ports.ts';
import type { RoutingTable } from './routing-table.ts';
import { type AskedRead, onTheirWay } from './traced-reads.ts';
import { unknownNode } from './writer.ts';

export type Found = Extract<ReadResult, { found: true }>;

export type ReadOutcome =
  | { type: 'found'; node: string; standing: Standing | undefined; entry: Found; value: Uint8Array }
  /** `version`: of the deletion, or of what has expired. */
  | { type: 'missing'; node: string; standing: Standing | undefined; version: string | undefined }
  | ({ type: 'failed'; code: ErrorCode; detail: string } & FailureDetails);

export interface ReaderOptions {
  lane: LaneLimits;
  routeWaitMs: number;
  readTimeoutMs: number;
  /** How long a replica that is behind a session may wait, milliseconds. */
  sessionWaitMs: number;
  /** Reads that wait so at one node; past that the next replica is asked. */
  sessionWaitsMax: number;
}

interface PendingRead extends LaneItem, AskedRead {
  settle(outcome: ReadOutcome): void;
}

const noValue = new Uint8Array(0);
/** JSON around a read in a request's header, about. */
const headerBytes = 64;

export class Reader {
  readonly #ofNode = new Map<string, LaneRunner<PendingRead>>();
  /** By shard and level: a strong read's round trip holds up no other. */
  readonly #ofLeader = new Map<string, LaneRunner<PendingRead>>();
  /** Session reads that wait, by node. */
  readonly #waits = new Map<string, number>();
  readonly #options: ReaderOptions;
  readonly #routing: RoutingTable;
  readonly #directory: NodeDirectory;
  readonly #telemetry: GatewayTelemetry;
  readonly #time: Pick<HopPorts, 'clock' | 'random'>;
  #turn = 0;
  #turnEnds = false;

  constructor(
    options: ReaderOptions,
    routing: RoutingTable,
    directory: NodeDirectory,
    telemetry: GatewayTelemetry,
    { clock, random }: Pick<HopPorts, 'clock' | 'random'>,
  ) {
    this.#options = options;
    this.#time = { clock, random };
    this.#routing = routing;
    this.#directory = directory;
    this.#telemetry = telemetry;
    routing.onLeader(({ shard }) => {
      for (const level of leaderLevels) {
        this.#ofLeader.get(leaderLane(shard, level))?.route(routing.targetOf(shard));
      }
    });
  }

  /** Never rejects. */
  read(shard: number, key: string, freshness: Freshness, span?: TraceSpan): Promise<ReadOutcome> {
    const asked: AskedRead = { read: { shard, key, ...freshness }, span };
    if (!isLeaderLevel(freshness.level)) return this.#readAnywhere(asked);
    return this.#offer(this.#laneOfLeader(shard, freshness.level), asked, this.#options.routeWaitMs);
  }

  /**
   * A replica for one read that isn't in `tried`. Nodes take turns: what comes in one turn of the event loop
   * goes to one of them, in one request; the next turn's reads go to the next.
   */
  choose(shard: number, tried: readonly string[]): string | undefined {
    const route = this.#routing.route(shard);
    if (route === undefined) return undefined;
    if (!this.#turnEnds) {
      this.#turnEnds = true;
      this.#time.clock.soon(this.#endTurn);
    }
    return chooseReplica(route, this.#turn, tried, (node) => this.#directory.circuitOf(node) !== 'open');
  }

  readonly #endTurn = (): void => {
    this.#turnEnds = false;
    this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER;
  };

  sweep(): void {
    for (const lane of this.#ofNode.values()) lane.sweep();
    for (const lane of this.#ofLeader.values()) lane.sweep();
  }

  get waitingOperations(): number {
    const lanes = [...this.#ofNode.values(), ...this.#ofLeader.values()];
    return lanes.reduce((sum, lane) => sum + lane.waitingOperations, 0);
  }

  async #readAnywhere(asked: AskedRead): Promise<ReadOutcome> {
    const tried: string[] = [];
    let failure: ReadOutcome & { type: 'failed' } = noReplica;
    for (;;) {
      const node = this.choose(asked.read.shard, tried);
      if (node === undefined) return failure;
      let outcome = await this.#offer(this.#laneOfNode(node), asked, this.#options.readTimeoutMs);
      if (outcome.type === 'failed' && outcome.code === 'session-behind')
        outcome = await this.#askToWait(node, asked);
      if (outcome.type !== 'failed' || endsTheSearch(outcome.code)) return outcome;
      this.#telemetry.retried('read', 1);
      failure = moreTelling(failure, outcome);
      tried.push(node);
    }
  }

  async #askToWait(node: string, { read, span }: AskedRead): Promise<ReadOutcome> {
    const waits = this.#waits.get(node) ?? 0;
    if (waits >= this.#options.sessionWaitsMax) return tooManyWaits;
    this.#waits.set(node, waits + 1);
    try {
      const waitMs = this.#options.sessionWaitMs;
      const [outcome] = await this.#ask([{ read: { ...read, waitMs }, span }], node, waitMs);
      return outcome ?? noReplica;
    } finally {
      this.#waits.set(node, (this.#waits.get(node) ?? 1) - 1);
    }
  }

  #offer(lane: LaneRunner<PendingRead>, { read, span }: AskedRead, waitMs: number): Promise<ReadOutcome> {
    return new Promise((settle) => {
      const offeredAt = this.#time.clock.monotonic();
      const deadlineAt = offeredAt + waitMs;
      const bytes = read.key.length * 3 + headerBytes;
      if (lane.offer({ read, span, settle, offeredAt, deadlineAt, bytes, operations: 1 })) return;
      this.#telemetry.shed('lane');
      settle({ type: 'failed', code: 'overloaded', detail: 'Too many reads are waiting.' });
    });
  }

  #laneOfNode(node: string): LaneRunner<PendingRead> {
    const present = this.#ofNode.get(node);
    if (present !== undefined) return present;
    const lane = new LaneRunner<PendingRead>(this.#options.lane, {
      ...this.#time,
      // What fails here is settled as failed: the caller asks another node, so nothing goes again to this
      // one.
      send: async (items) => {
        const outcomes = await this.#ask(items, node);
        for (const [i, item] of items.entries()) item.settle(outcomes[i] as ReadOutcome);
        return [];
      },
      expired: (items) => settleExpired(items, 'replica-unavailable'),
    });
    lane.route({ node, epoch: 0 });
    this.#ofNode.set(node, lane);
    return lane;
  }

  #laneOfLeader(shard: number, level: ReadLevel): LaneRunner<PendingRead> {
    const name = leaderLane(shard, level);
    const present = this.#ofLeader.get(name);
    if (present !== undefined) return present;
    const lane = new LaneRunner<PendingRead>(this.#options.lane, {
      ...this.#time,
      send: async (items, node) => {
        const again: PendingRead[] = [];
        const outcomes = await this.#ask(items, node);
        for (const [i, item] of items.entries()) {
          const outcome = outcomes[i] as ReadOutcome;
          if (outcome.type === 'failed' && mayReadElsewhere(outcome.code)) again.push(item);
          else item.settle(outcome);
        }
        if (again.length > 0) this.#telemetry.retried('read', again.length);
        return again;
      },
      expired: (items, target) => settleExpired(items, target ? 'replica-unavailable' : 'no-leader'),
    });
    lane.route(this.#routing.targetOf(shard));
    this.#ofLeader.set(name, lane);
    return lane;
  }

  /** Outcomes in the order of `asked`. */
  async #ask(asked: readonly AskedRead[], node: string, waitMs = 0): Promise<ReadOutcome[]> {
    this.#telemetry.batchSent('read', asked.length);
    const { reads, arrived } = onTheirWay(asked, node);
    const outcomes = await this.#askNode(reads, node, waitMs);
    arrived?.(outcomes);
    return outcomes;
  }

  async #askNode(reads: HopRead[], node: string, waitMs: number): Promise<ReadOutcome[]> {
    try {
      const connection = this.#directory.to(node);
      if (connection === undefined) throw unknownNode(node);
      const { answer, body } = await connection.read({ reads }, waitMs);
      const payloads = new PayloadReader(body);
      return reads.map((read, i) => {
        const standing = answer.standings.find(({ shard }) => shard === read.shard);
        return outcomeOf(answer.results[i] as ReadResult, node, standing, payloads);
      });
    } catch (error) {
      if (!(error instanceof HopError)) throw error;
      const outcome = { type: 'failed' as const, code: error.code, detail: error.message, ...error.more };
      return reads.map(() => outcome);
    }
  }
}

export const noReplica: ReadOutcome & { type: 'failed' } = {
  type: 'failed',
  code: 'replica-unavailable',
  detail: 'No healthy replica of the shard is known at the moment.',
};

const tooManyWaits: ReadOutcome = {
  type: 'failed',
  code: 'session-behind',
  detail: 'Too many reads wait for this replica already.',
};

const leaderLevels: readonly ReadLevel[] = ['leader', 'strong'];

function leaderLane(shard: number, level: ReadLevel): string {
  return `${shard} ${level}`;
}

/** No other replica would say anything else. */
function endsTheSearch(code: ErrorCode): boolean {
  return code === 'overloaded' || code === 'session-rolled-back';
}

/**
 * Of two failures the one that says more about the read: that replicas were behind, and the least by how
 * much.
 */
function moreTelling<Failure extends ReadOutcome & { type: 'failed' }>(a: Failure, b: Failure): Failure {
  if (!isTooFarBehind(a.code)) return b;
  if (!isTooFarBehind(b.code)) return a;
  const { POSITIVE_INFINITY: unknown } = Number;
  return (b.stalenessMs ?? unknown) < (a.stalenessMs ?? unknown) ? b : a;
}

function outcomeOf(
  result: ReadResult,
  node: string,
  standing: Standing | undefined,
  payloads: PayloadReader,
): ReadOutcome {
  if ('error' in result) {
    const { error: code, detail, lost, stalenessMs } = result;
    return { type: 'failed', code, detail, lost, stalenessMs };
  }
  const stood = result.standing ?? standing;
  if (!result.found) return { type: 'missing', node, standing: stood, version: result.version };
  const value = result.bytes === 0 ? noValue : payloads.take(result.bytes);
  return { type: 'found', node, standing: stood, entry: result, value };
}

function settleExpired(items: readonly PendingRead[], code: ErrorCode): void {
  const detail =
    code === 'no-leader' ? 'No node has led the shard in time.' : 'The node did not answer in time.';
  for (const item of items) item.settle({ type: 'failed', code, detail });
}
