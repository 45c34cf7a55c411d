/**
 * What a replica does with the help of its peers: reads operations that it misses from their logs, takes a
 * copy of a whole replica where no log reaches back, and cuts off what its own log has past the end of its
 * epoch. One at a time: the follower and a campaign may both ask.
 */
import {
  type Batch,
  comparePositions,
  decodeBatch,
  EnvelopeError,
  equalDigest,
  lastSeqOf,
} from '@driftless/contracts';
import { endOfEpoch, judge } from '../core/apply.ts';
import { planCut, touchedKeys } from '../core/cut.ts';
import { type Entry, makeEntry } from '../core/entry.ts';
import { isDrifted } from '../core/state.ts';
import { applyEvent } from './apply-event.ts';
import { auditAll } from './audit.ts';
import type { ShardContext } from './context.ts';
import type { LogPage, RowsPage } from './peers.ts';
import { checkPosition } from './self-check.ts';

/** Asked after every wait: the work is not wanted any more. */
export type IsOver = () => boolean;

export class PeerRepair {
  readonly #context: ShardContext;
  #last: Promise<void> = Promise.resolve();

  constructor(context: ShardContext) {
    this.#context = context;
  }

  /** Applies the log of peers until `untilSeq`; tries the leader first, then the others, until it is over. */
  reach(untilSeq: number, isOver: IsOver): Promise<void> {
    return this.#inTurn(() => this.#reach(untilSeq, isOver));
  }

  /** Cuts our orphans off, with the rows of a peer that is in the new history already. */
  cut(afterSeq: number, isOver: IsOver): Promise<void> {
    return this.#inTurn(() => this.#cut(afterSeq, isOver));
  }

  /** Replaces this replica by a copy of a peer's; whether it was done. */
  async bootstrap(isOver: IsOver): Promise<boolean> {
    let done = false;
    await this.#inTurn(async () => {
      for (const peer of this.#peersInTurn()) done ||= await this.#bootstrap(peer, isOver);
    });
    return done;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #reach(untilSeq: number, isOver: IsOver): Promise<void> {
    const context = this.#context;
    // Asked at least once: a peer's list of epochs tells whether our history is still the one.
    let answered = false;
    while (!isOver() && (!answered || context.state.applied.seq < untilSeq)) {
      for (const peer of this.#peersInTurn()) {
        const page = await context.peers.log(
          peer,
          context.shard,
          context.state.applied.seq,
          context.limits.catchUpBytesMax,
        );
        if (isOver()) return;
        if (!page) continue;
        answered = true;
        const end = endOfEpoch(context.state.applied.epoch, page.epochs);
        if (end !== undefined && end < context.state.applied.seq) return this.#cut(end, isOver);
        if (isTrimmed(page, context.state.applied.seq)) {
          if (await this.#bootstrap(peer, isOver)) break;
          continue;
        }
        if (this.#applyPage(page)) break;
      }
      if (answered && context.state.applied.seq >= untilSeq) return;
      if (answered && !isOver()) {
        context.logger.warn({ shard: context.shard, untilSeq }, 'no peer has had the missing log so far');
      }
      await this.#pause();
    }
  }

  /** Whether the page led us on. */
  #applyPage(page: LogPage): boolean {
    const context = this.#context;
    checkPosition(context);
    const before = context.state.applied.seq;
    context.together(() => {
      for (const event of page.events) {
        const batch = this.#decoded(event);
        // The peer's row has rotted; another peer may have a sound one.
        if (!batch) return;
        const verdict = judge(batch, context.shard, context.state.applied);
        if (verdict.kind === 'duplicate') continue;
        if (verdict.kind !== 'apply') return;
        applyEvent(context, batch, event, undefined);
      }
    });
    return context.state.applied.seq > before;
  }

  /** The old replica stays in place until the copy has passed its audit. */
  async #bootstrap(peer: string, isOver: IsOver): Promise<boolean> {
    const { peers, shard, files, logger, instruments } = this.#context;
    const startedAt = this.#context.clock.monotonic();
    this.#context.restoring = true;
    try {
      if (isOver() || !(await peers.snapshot(peer, shard, files.incoming))) return false;
      const refusal = await this.#refusalOfIncoming();
      if (refusal !== undefined || isOver()) {
        logger.warn({ shard, peer, refusal }, 'a snapshot was not installed');
        return false;
      }
      this.#context.installIncoming();
      const { applied: at } = this.#context.state;
      instruments.snapshotsInstalled.add(1, { shard: String(shard) });
      const ms = Math.round(this.#context.clock.monotonic() - startedAt);
      logger.info({ shard, peer, at, ms }, 'installed a snapshot');
      return true;
    } finally {
      files.discard(files.incoming);
      this.#context.restoring = false;
    }
  }

  /**
   * Why the received copy can't take this replica's place: its rows must have its root, and it must lead on.
   */
  async #refusalOfIncoming(): Promise<string | undefined> {
    const { files, state, clock } = this.#context;
    const incoming = files.openIncoming();
    try {
      const theirs = incoming.state();
      const [{ root, corruptRows }] = await Promise.all([auditAll(incoming, clock), files.syncIncoming()]);
      if (isDrifted(theirs) || corruptRows > 0) return 'it has drifted itself';
      if (!equalDigest(root, theirs.root) || !equalDigest(root, incoming.leavesRoot())) {
        return 'its rows do not have its root';
      }
      if (comparePositions(theirs.applied, state.applied) < 0) return 'it is behind this replica';
      return this.#context.isPastHalt(theirs.streamSeq) ? undefined : 'it is not past the damaged event';
    } finally {
      incoming.close();
    }
  }

  #decoded(event: Uint8Array): Batch | undefined {
    try {
      return decodeBatch(event);
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      this.#context.logger.error({ shard: this.#context.shard, err: error }, 'a row of a log is damaged');
      return undefined;
    }
  }

  #peersInTurn(): string[] {
    const { leader, members, node } = this.#context;
    const others = members.filter((member) => member !== node && member !== leader);
    return leader !== undefined && leader !== node ? [leader, ...others] : others;
  }

  async #cut(afterSeq: number, isOver: IsOver): Promise<void> {
    const context = this.#context;
    if (context.state.applied.seq <= afterSeq) return;
    context.restoring = true;
    try {
      const orphaned = context.store
        .log(afterSeq, Number.POSITIVE_INFINITY)
        .flatMap((row) => this.#decoded(row.event) ?? []);
      if (!isWhole(orphaned, afterSeq, context.state.applied.seq)) {
        return context.halt('The end of the log, which has to be cut off, is damaged.');
      }
      const keys = touchedKeys(orphaned);
      const found = await this.#rowsFrom(keys, isOver);
      if (!found || isOver()) return;
      const rows = new Map(found.rows.map(({ row, value }) => [row.key, entryOf(row, value)]));
      const { store, state } = context;
      const change = planCut({
        state,
        afterSeq,
        epochs: store.epochs(),
        sets: store.sets(),
        orphaned,
        lookup: (key) => store.get(key),
        rows,
        collectedSeq: found.collectedSeq,
      });
      context.commit(change);
      const operations = change.cut?.orphans.length ?? 0;
      context.instruments.orphans.add(operations, { shard: String(context.shard) });
      context.logger.warn(
        { shard: context.shard, afterSeq, operations },
        'cut orphans off the end of the log',
      );
    } finally {
      context.restoring = false;
    }
  }

  async #rowsFrom(keys: readonly string[], isOver: IsOver): Promise<RowsPage | undefined> {
    const context = this.#context;
    const ours = context.state.applied.epoch;
    while (!isOver()) {
      for (const peer of this.#peersInTurn()) {
        const page = await context.peers.rows(peer, context.shard, keys);
        // Only a peer that has seen the next epoch begin is in the new history.
        if (page && page.position.epoch > ours) return page;
      }
      await this.#pause();
    }
    return undefined;
  }

  #pause(): Promise<void> {
    return this.#context.clock.sleep(this.#context.limits.retryDelayMs);
  }
}

/** Whether the batches follow each other from after `afterSeq` to `lastSeq`. */
function isWhole(batches: readonly Batch[], afterSeq: number, lastSeq: number): boolean {
  const end = batches.reduce(
    (at, batch) => (batch.firstSeq === at + 1 ? lastSeqOf(batch) : Number.NaN),
    afterSeq,
  );
  return end === lastSeq;
}

/** Whether the peer's log no longer reaches back to what comes after `seq`. */
function isTrimmed({ firstSeq, applied }: LogPage, seq: number): boolean {
  return applied.seq > seq && (firstSeq === undefined || firstSeq > seq + 1);
}

function entryOf(row: RowsPage['rows'][number]['row'], value: Uint8Array): Entry {
  const { key, version, tombstone, type: contentType, expiresAt } = row;
  return makeEntry({ key, ...version, tombstone, value, contentType, expiresAt });
}
