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
  type ReadAnswer,
  type ReadLevel,
  type ReadResult,
  type Standing,
} from '@driftless/contracts';
import type { TraceSpan } from '@driftless/runtime';
import type { LaneItem, LaneLimits } from '../core/lane.ts';
import { type FailureDetails, HopError, isTooFarBehind, mayReadElsewhere } from '../core/outcome.ts';
import { chooseReplica } from '../core/replica-choice.ts';
import type { GatewayTelemetry } from '../telemetry.ts';
import type { Framed } from './connection.ts';
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

class PendingRead implements LaneItem, AskedRead {
  readonly read: HopRead;
  readonly span: TraceSpan | undefined;
  readonly settle: (outcome: ReadOutcome) => void;
  readonly operations = 1;
  readonly bytes: number;
  offeredAt = 0;
  deadlineAt = 0;
  /** Nodes that failed it, and what says most of why. */
  readonly tried: string[] = [];
  failure = noReplica;

  constructor(read: HopRead, settle: (outcome: ReadOutcome) => void, span: TraceSpan | undefined) {
    this.read = read;
    this.span = span;
    this.settle = settle;
    this.bytes = read.key.length * 3 + headerBytes;
  }
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

  /** Calls `settle` once; it makes no promise of its own, since many reads pass here. */
  read(
    shard: number,
    key: string,
    freshness: Freshness,
    settle: (outcome: ReadOutcome) => void,
    span?: TraceSpan,
  ): void {
    const pending = new PendingRead({ shard, key, ...freshness }, settle, span);
    if (!isLeaderLevel(freshness.level)) this.#readAnywhere(pending);
    else if (!this.#offer(this.#laneOfLeader(shard, freshness.level), pending, this.#options.routeWaitMs))
      settle(laneIsFull);
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

  /** Asks the next replica. */
  #readAnywhere(pending: PendingRead): void {
    const node = this.choose(pending.read.shard, pending.tried);
    if (node === undefined) pending.settle(pending.failure);
    else if (!this.#offer(this.#laneOfNode(node), pending, this.#options.readTimeoutMs))
      pending.settle(laneIsFull);
  }

  /** A replica has answered, or hasn't. */
  #answered(pending: PendingRead, node: string, outcome: ReadOutcome): void {
    if (outcome.type !== 'failed' || endsTheSearch(outcome.code)) pending.settle(outcome);
    else if (outcome.code === 'session-behind') this.#askToWait(pending, node, outcome);
    else this.#askAnother(pending, node, outcome);
  }

  #askAnother(pending: PendingRead, failed: string, failure: ReadOutcome & { type: 'failed' }): void {
    this.#telemetry.retried('read', 1);
    pending.failure = moreTelling(pending.failure, failure);
    pending.tried.push(failed);
    this.#readAnywhere(pending);
  }

  #askToWait(pending: PendingRead, node: string, behind: ReadOutcome & { type: 'failed' }): void {
    const waits = this.#waits.get(node) ?? 0;
    if (waits >= this.#options.sessionWaitsMax) {
      this.#askAnother(pending, node, behind);
      return;
    }
    this.#waits.set(node, waits + 1);
    const waitMs = this.#options.sessionWaitMs;
    const { read, span } = pending;
    this.#ask([{ read: { ...read, waitMs }, span }], node, waitMs, ([outcome = noReplica]) => {
      this.#waits.set(node, (this.#waits.get(node) ?? 1) - 1);
      if (outcome.type !== 'failed' || endsTheSearch(outcome.code)) pending.settle(outcome);
      else this.#askAnother(pending, node, outcome);
    });
  }

  /** Whether the lane takes it. */
  #offer(lane: LaneRunner<PendingRead>, pending: PendingRead, waitMs: number): boolean {
    pending.offeredAt = this.#time.clock.monotonic();
    pending.deadlineAt = pending.offeredAt + waitMs;
    const isTaken = lane.offer(pending);
    if (!isTaken) this.#telemetry.shed('lane');
    return isTaken;
  }

  #laneOfNode(node: string): LaneRunner<PendingRead> {
    const present = this.#ofNode.get(node);
    if (present !== undefined) return present;
    const lane = new LaneRunner<PendingRead>(this.#options.lane, {
      ...this.#time,
      // What fails here is asked of another node, so nothing goes again to this one.
      send: (items, _, ended) =>
        this.#ask(items, node, 0, (outcomes) => {
          for (let i = 0; i < items.length; i += 1)
            this.#answered(items[i] as PendingRead, node, outcomes[i] as ReadOutcome);
          ended([]);
        }),
      expired: (items) => {
        for (const item of items) this.#answered(item, node, expired('replica-unavailable'));
      },
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
      send: (items, node, ended) =>
        this.#ask(items, node, 0, (outcomes) => {
          const again: PendingRead[] = [];
          for (let i = 0; i < items.length; i += 1) {
            const outcome = outcomes[i] as ReadOutcome;
            const item = items[i] as PendingRead;
            if (outcome.type === 'failed' && mayReadElsewhere(outcome.code)) again.push(item);
            else item.settle(outcome);
          }
          if (again.length > 0) this.#telemetry.retried('read', again.length);
          ended(again);
        }),
      expired: (items, target) => {
        for (const item of items) item.settle(expired(target ? 'replica-unavailable' : 'no-leader'));
      },
    });
    lane.route(this.#routing.targetOf(shard));
    this.#ofLeader.set(name, lane);
    return lane;
  }

  /** Calls `arrived` later, with outcomes in the order of `asked`. */
  #ask(
    asked: readonly AskedRead[],
    node: string,
    waitMs: number,
    arrived: (outcomes: readonly ReadOutcome[]) => void,
  ): void {
    this.#telemetry.batchSent('read', asked.length);
    const { reads, arrived: endSpans } = onTheirWay(asked, node);
    const asking = this.#directory.to(node)?.read({ reads }, waitMs) ?? Promise.reject(unknownNode(node));
    const settle = (outcomes: readonly ReadOutcome[]): void => {
      endSpans?.(outcomes);
      arrived(outcomes);
    };
    asking.then(
      (framed) => settle(outcomesOf(reads, framed, node)),
      (error: unknown) => {
        if (!(error instanceof HopError)) throw error;
        const outcome = { type: 'failed' as const, code: error.code, detail: error.message, ...error.more };
        settle(reads.map(() => outcome));
      },
    );
  }
}

export const noReplica: ReadOutcome & { type: 'failed' } = {
  type: 'failed',
  code: 'replica-unavailable',
  detail: 'No healthy replica of the shard is known at the moment.',
};

const laneIsFull: ReadOutcome = {
  type: 'failed',
  code: 'overloaded',
  detail: 'Too many reads are waiting.',
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

function outcomesOf(
  reads: readonly HopRead[],
  { answer: { standings, results }, body }: Framed<ReadAnswer>,
  node: string,
): ReadOutcome[] {
  const payloads = new PayloadReader(body);
  return reads.map(({ shard }, i) => {
    const standing = standings.find((one) => one.shard === shard);
    return outcomeOf(results[i] as ReadResult, node, standing, payloads);
  });
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

function expired(code: 'replica-unavailable' | 'no-leader'): ReadOutcome {
  const detail =
    code === 'no-leader' ? 'No node has led the shard in time.' : 'The node did not answer in time.';
  return { type: 'failed', code, detail };
}
