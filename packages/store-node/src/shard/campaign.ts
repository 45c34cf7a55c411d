/**
 * The shell of a campaign: from a lease that was won to an epoch that has begun (core/election.ts decides).
 * The candidate finds the end of the stream, asks its peers how far they are, applies all of that, publishes
 * what its own log has past it, and appends the record of the new epoch behind the fence.
 *
 * Peers are asked because the stream may have lost events that replicas have applied. When that is known to
 * have happened, a majority of the members must have answered: whatever a majority has acknowledged, one of
 * them has.
 */
import { type Batch, encodeBatch, majorityOf } from '@driftless/contracts';
import { applyBatch, endOfEpoch, judge } from '../core/apply.ts';
import type { ElectionEvent } from '../core/election.ts';
import { type EventStream, FenceRefused } from '../jetstream/port.ts';
import type { ShardContext } from './context.ts';
import type { Follower } from './follower.ts';
import type { LogPage } from './peers.ts';

type StreamEnd = Awaited<ReturnType<EventStream['end']>>;

/** Without progress for this long a candidate looks for the end of the stream again, milliseconds. */
const catchUpStuckMs = 1000;
/** Pause before it also consumes anew once more: to make a consumer takes a while, milliseconds. */
const consumeAnewEveryMs = 5000;

export interface CampaignHooks {
  dispatch(event: ElectionEvent): void;
  /** This replica is no candidate any more. */
  isOver(): boolean;
}

export class Campaign {
  readonly #context: ShardContext;
  readonly #follower: Follower;
  readonly #hooks: CampaignHooks;
  /** The stream has to be applied up to here; undefined while nobody waits for it. */
  #catchUpTo: number | undefined;
  /** Last message that the stream still holds: what came after it is gone, and won't be delivered. */
  #lastHeldSeq = 0;
  #consumedAnewAt = Number.NEGATIVE_INFINITY;

  constructor(context: ShardContext, follower: Follower, hooks: CampaignHooks) {
    this.#context = context;
    this.#follower = follower;
    this.#hooks = hooks;
  }

  /** Nobody waits for the stream any more. */
  end(): void {
    this.#catchUpTo = undefined;
  }

  async findStreamEnd(): Promise<void> {
    const context = this.#context;
    try {
      const end = await context.stream.end();
      const { streamCreatedAt, streamSeq } = context.state;
      if (end.createdAt !== streamCreatedAt || end.streamSeq < streamSeq) {
        this.#follower.restart();
        throw new Error('The stream was made anew, or went back; following it first.');
      }
      this.#lastHeldSeq = end.message?.streamSeq ?? 0;
      // Without any log we can't know what there was: an empty disk must not become the history.
      await this.#reachPeers(this.#hasLost(end) || context.state.applied.seq === 0);
      this.#hooks.dispatch({ type: 'stream-end', streamSeq: end.streamSeq });
    } catch (error) {
      context.logger.debug({ shard: context.shard, err: error }, 'the campaign has to wait');
      await this.#retry();
    }
  }

  catchUp(streamSeq: number): void {
    this.#catchUpTo = streamSeq;
    this.progressed();
    this.#watch(streamSeq);
  }

  /** The end may never be reached: the stream can be lost meanwhile. Then it is looked for anew. */
  #watch(end: number): void {
    if (this.#catchUpTo !== end) return;
    const { clock, state } = this.#context;
    clock.after(catchUpStuckMs, () => {
      if (this.#catchUpTo !== end) return;
      if (this.#context.state.streamSeq !== state.streamSeq) return this.#watch(end);
      this.#catchUpTo = undefined;
      this.#consumeAnew(clock.monotonic());
      this.#hooks.dispatch({ type: 'fence-failed' });
    });
  }

  /** What JetStream gave out and was lost on the way it gives again only when the time for an ack is over. */
  #consumeAnew(now: number): void {
    if (now - this.#consumedAnewAt < consumeAnewEveryMs) return;
    this.#consumedAnewAt = now;
    this.#follower.restart();
  }

  /** The follower's position or cursor moved. */
  progressed(): void {
    const { applied, confirmedSeq } = this.#context.state;
    const end = this.#catchUpTo;
    if (end === undefined || this.#context.state.streamSeq < Math.min(end, this.#lastHeldSeq)) return;
    this.#catchUpTo = undefined;
    const streamSeq = Math.max(end, this.#context.state.streamSeq);
    this.#context.moveCursor({ streamSeq });
    if (applied.seq > confirmedSeq) void this.#publishTail(streamSeq);
    else this.#hooks.dispatch({ type: 'caught-up', streamSeq, epoch: applied.epoch });
  }

  /** The stream does not hold all that it was given: it is another one, went back, or was emptied. */
  #hasLost({ createdAt, streamSeq, message }: StreamEnd): boolean {
    const { store, state } = this.#context;
    const begunOn = store.epochs().at(-1)?.stream;
    if (begunOn !== undefined && begunOn !== createdAt) return true;
    if (message && message.lastSeq < state.confirmedSeq) return true;
    const lastIsGone = streamSeq > 0 && message?.streamSeq !== streamSeq;
    return lastIsGone && state.streamSeq < streamSeq;
  }

  /** Applies what the peers that answer have confirmed and we have not. Throws when too few answer. */
  async #reachPeers(majorityNeeded: boolean): Promise<void> {
    const { members, node } = this.#context;
    const others = members.filter((member) => member !== node);
    const answers = await Promise.all(others.map((peer) => this.#ask(peer)));
    const pages = answers.filter((page) => page !== undefined);
    const { seq } = this.#context.state.applied;
    // Nothing at all may be a lost disk; it says something only while nobody has more.
    const votes = pages.filter(({ counts, applied }) => counts && (applied.seq > 0 || seq === 0));
    if (majorityNeeded && votes.length + 1 < majorityOf(members.length)) {
      throw new Error('The stream may lack events, and no majority of the members answers.');
    }
    for (const page of pages) await this.#reach(page);
    // What they had may name another set, and its majority may know of more.
    if (majorityNeeded && this.#context.members !== members)
      throw new Error('The replica set is another one.');
  }

  async #ask(peer: string): Promise<LogPage | undefined> {
    const { peers, shard, state, limits, clock } = this.#context;
    const late = clock.sleep(limits.campaignAskMs).then(() => undefined);
    return Promise.race([peers.log(peer, shard, state.applied.seq, 1), late]);
  }

  async #reach({ epochs, confirmedSeq }: LogPage): Promise<void> {
    const { applied } = this.#context.state;
    const end = endOfEpoch(applied.epoch, epochs);
    if (end !== undefined && end < applied.seq) await this.#follower.cut(end, () => this.#hooks.isOver());
    const newest = epochs.at(-1)?.epoch ?? 0;
    if (newest < applied.epoch || confirmedSeq <= this.#context.state.applied.seq) return;
    await this.#follower.reach(confirmedSeq, () => this.#hooks.isOver());
  }

  async #retry(): Promise<void> {
    await this.#context.clock.sleep(this.#context.limits.retryDelayMs);
    this.#hooks.dispatch({ type: 'fence-failed' });
  }

  /** What an earlier leadership of ours committed and nobody has seen goes first, in its own epoch. */
  async #publishTail(streamSeq: number): Promise<void> {
    const context = this.#context;
    let expectedStreamSeq = streamSeq;
    try {
      for (const row of context.store.log(context.state.confirmedSeq, Number.POSITIVE_INFINITY)) {
        const published = await context.stream.publish({ ...row, expectedStreamSeq });
        expectedStreamSeq = published.streamSeq;
        context.moveCursor({ confirmedSeq: row.lastSeq, streamSeq: expectedStreamSeq });
      }
    } catch (error) {
      context.logger.debug({ shard: context.shard, err: error }, 'the tail of the log is not published yet');
    }
    await this.#retry();
  }

  /** The epoch's record is on the stream before it is in our log: a candidate that fails leaves no trace. */
  async appendEpoch(epoch: number, expectedStreamSeq: number): Promise<void> {
    const context = this.#context;
    const { state, shard, node, members, clock } = context;
    // What was applied last may have taken us out of the set; the next tick gives the candidacy up.
    if (!context.isMember) return this.#retry();
    const { streamCreatedAt: stream } = state;
    const firstSeq = state.applied.seq + 1;
    const batch: Batch = {
      shard,
      epoch,
      firstSeq,
      ops: [{ op: 'epoch-started', node, stream, previous: state.applied.epoch, members: [...members] }],
      committedAt: clock.wall(),
      prevRoot: state.root,
      postRoot: state.root,
    };
    const event = encodeBatch(batch);
    try {
      const publish = { event, epoch, firstSeq, lastSeq: firstSeq, expectedStreamSeq };
      const { streamSeq } = await context.stream.publish(publish);
      // The consumer may have been faster.
      if (judge(batch, shard, context.state.applied).kind === 'apply') {
        const applied = applyBatch(batch, event, context.state, (key) => context.store.get(key), {
          seq: streamSeq,
        });
        context.commit(applied.change);
      }
      this.#hooks.dispatch({ type: 'epoch-appended', epoch });
    } catch (error) {
      if (error instanceof FenceRefused) context.instruments.fenced.add(1, { shard: String(shard) });
      await this.#retry();
    }
  }
}
