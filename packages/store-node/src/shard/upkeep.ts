/**
 * What a replica does every few seconds besides its work: trims its log within its bounds, forgets old
 * answers, removes deleted rows for good (collector.ts), asks its peers when it is behind although nothing
 * comes (a stream that lost its end gives nothing to find a gap by), offers its orphans to the leader, and
 * lets a snapshot take its place when it halted or has been drifted for too long.
 */
import { comparePositions, type Position, positionZero } from '@driftless/contracts';
import { isDrifted } from '../core/state.ts';
import { Collector } from './collector.ts';
import { offerOrphans } from './orphan-offers.ts';
import type { ShardReplica } from './replica.ts';

/** Answers forgotten in one turn, so that no turn is long. */
const forgetAnswersMax = 500;

export class Upkeep {
  readonly #replica: ShardReplica;
  readonly #collector: Collector;
  /** Where the replica stood at the last turn. */
  #stood: Position = positionZero;
  /** Monotonic, milliseconds; undefined while it is not drifted. */
  #driftedSince: number | undefined;
  #busy = false;
  #restoreIsAsked = false;

  constructor(replica: ShardReplica) {
    this.#replica = replica;
    this.#collector = new Collector(replica);
  }

  get isBusy(): boolean {
    return this.#busy;
  }

  /** A copy of a peer's file shall take this replica's place, as soon as there is nothing else to do. */
  restore(): void {
    this.#restoreIsAsked = true;
    this.turn();
  }

  /** Work that takes longer goes on after this returns; one at a time. */
  turn(): void {
    const { store, clock, limits } = this.#replica.context;
    store.forgetAnswers(clock.wall() - limits.answersKeptMs, forgetAnswersMax);
    this.#trimLog();
    this.#collector.turn();
    if (this.#busy) return;
    const work = this.#nextWork();
    if (!work) return;
    this.#busy = true;
    void work().finally(() => {
      this.#busy = false;
    });
  }

  #nextWork(): (() => Promise<unknown>) | undefined {
    const replica = this.#replica;
    const { state, halted, clock, limits } = replica.context;
    const now = clock.monotonic();
    this.#driftedSince = isDrifted(state) ? (this.#driftedSince ?? now) : undefined;
    const driftedLong = this.#driftedSince !== undefined && now - this.#driftedSince > limits.driftedMsMax;
    const isAsked = this.#restoreIsAsked;
    this.#restoreIsAsked = false;
    if (halted !== undefined || driftedLong || isAsked) return () => replica.recover();
    const isStuck = comparePositions(this.#stood, state.applied) === 0;
    this.#stood = state.applied;
    if (isStuck && replica.isBehind) return () => replica.catchUp();
    return replica.context.store.counts().orphans > 0 ? () => offerOrphans(replica.context) : undefined;
  }

  /** What every member has is dropped beyond the lower bound; what one lacks only beyond the upper one. */
  #trimLog(): void {
    const { store, limits, members, node, told, durable, state } = this.#replica.context;
    const excess = store.logBytes() - limits.logBytesMin;
    if (excess <= 0) return;
    const seqOf = (member: string): number => (member === node ? durable : told.get(member))?.seq ?? 0;
    const everywhere = Math.min(...members.map(seqOf));
    store.trimLog(Math.min(everywhere, state.confirmedSeq), excess);
    store.trimLog(state.confirmedSeq, store.logBytes() - limits.logBytesMax);
  }
}
