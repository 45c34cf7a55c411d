/**
 * An exchange: our replica compares itself with a peer's at one position, repairs itself, and proves it by
 * comparing again (SPEC.md). It is a script over two ports (ports.ts), so the peer may be behind HTTP, in a
 * simulation, or in the same memory.
 *
 *     meet → equal trees and nothing suspect → equal
 *          → else: look at the buckets that differ and at the suspect ones, a few at a time; repair
 *          → again, until nothing is found or nothing could be done
 *
 * What could not be compared ends it as "not comparable", whatever was healed until then.
 */
import { type ExchangeAnswer, type ExchangeHeader, equalDigest, formatDigest } from '@driftless/contracts';
import { compareTrees } from './compare.ts';
import { healBuckets, type Look, type LookLimits } from './heal-buckets.ts';
import { type MeetingLimits, meet } from './meeting.ts';
import { isBrokenBy } from './mutants.ts';
import { asked, NotComparable } from './not-comparable.ts';
import type { OurReplica, Peer } from './ports.ts';
import { inWords, Tally } from './tally.ts';

export interface ExchangeLimits extends MeetingLimits, LookLimits {
  /** Comparisons in one exchange; the last one only proves. */
  passesMax: number;
  /** Differences told one by one. */
  differencesMax: number;
}

export const exchangeLimits: ExchangeLimits = {
  captureAttemptsMax: 8,
  captureWaitMs: 2_000,
  passesMax: 4,
  bucketsAtOnce: 64,
  headsAtOnce: 1_000,
  repairsAtOnce: 500,
  repairBytesAtOnce: 4 * 1024 * 1024,
  differencesMax: 100,
};

export interface ExchangeOptions extends Pick<ExchangeHeader, 'mode' | 'rung' | 'keysMax' | 'bytesMax'> {
  /** Looked at besides those whose leaves differ. */
  buckets: readonly number[];
}

export interface ExchangeInput {
  ours: OurReplica;
  peer: Peer;
  options: ExchangeOptions;
  limits?: ExchangeLimits;
}

/** What the node adds is who it is, and how long it took. */
export type Exchanged = Omit<ExchangeAnswer, 'node' | 'with' | 'shard' | 'tookMs'>;

type Ending = Pick<Exchanged, 'outcome' | 'reason' | 'position' | 'root' | 'theirRoot'>;

export async function exchange({
  ours,
  peer,
  options,
  limits = exchangeLimits,
}: ExchangeInput): Promise<Exchanged> {
  const tally = new Tally(options, limits.differencesMax);
  const bytesBefore = peer.bytesReceived;
  const ending = await compareUntilDone(ours, asked(peer), options, limits, tally).catch(notComparable);
  const { found, compared, healed, leaves, bytesShipped, left, differences } = tally;
  const bytesReceived = peer.bytesReceived - bytesBefore;
  const counts = { found, compared, healed, leaves, bytesReceived, bytesShipped };
  return { ...ending, differences, counts, left };
}

async function compareUntilDone(
  ours: OurReplica,
  peer: Peer,
  options: ExchangeOptions,
  limits: ExchangeLimits,
  tally: Tally,
): Promise<Ending> {
  for (let pass = 1; ; pass += 1) {
    const meeting = await meet(ours, peer, limits);
    if (!meeting.met) throw new NotComparable(meeting.reason);
    const captures = { ours: meeting.ours, theirs: meeting.theirs };
    const differing = await differingBuckets(ours, peer, captures);
    const isLast = pass >= limits.passesMax;
    tally.beginPass();
    await lookAtAll(
      {
        ours,
        peer,
        captures,
        differing,
        rung: pass === 1 ? options.rung : 'key',
        repairs: options.mode === 'heal' && !isLast,
        limits,
        tally,
      },
      options.buckets,
    );
    const at = {
      position: captures.ours.position,
      root: formatDigest(captures.ours.root),
      theirRoot: formatDigest(captures.theirs.root),
    };
    if (differing.size === 0 && tally.isClean) return { outcome: 'equal', ...at };
    if (isLast || !tally.goesOn) {
      const reason = inWords(tally.left) ?? 'The trees differed, the rows did not.';
      return { outcome: 'different', reason, ...at };
    }
  }
}

/** Buckets whose captured leaves differ. */
async function differingBuckets(
  ours: OurReplica,
  peer: Peer,
  captures: Look['captures'],
): Promise<Set<number>> {
  if (equalDigest(captures.ours.tree, captures.theirs.tree)) return new Set();
  const leaves = ours.leaves(captures.ours.id);
  if (!leaves) throw new NotComparable('This replica’s capture is not kept any more.');
  const found = await compareTrees(leaves, (level, indexes) =>
    peer.nodes(captures.theirs.id, level, indexes),
  );
  if (found.outcome === 'not-comparable') throw new NotComparable(found.reason);
  if (found.outcome === 'equal') throw new NotComparable('The peer’s tree is not the one that it captured.');
  return new Set(found.buckets);
}

/** What leaves can't tell, bytes must: suspect buckets are audited, and those that are taken as a whole. */
async function lookAtAll(look: Look, suspect: readonly number[]): Promise<void> {
  const audited = new Set(look.rung === 'bucket' ? [...suspect, ...look.differing] : suspect);
  await lookAt(look, [...audited], true);
  const others = [...look.differing].filter((bucket) => !audited.has(bucket));
  await lookAt(look, others, false);
}

/** A few buckets at a time, as long as the budget allows for more keys. */
async function lookAt(look: Look, buckets: readonly number[], audit: boolean): Promise<void> {
  const { bucketsAtOnce } = look.limits;
  for (let i = 0; i < buckets.length; i += bucketsAtOnce) {
    const some = buckets.slice(i, i + bucketsAtOnce);
    if (look.tally.lookable > 0) await healBuckets(look, some, audit);
    // In each of them at least one key differs, or the leaf is spoiled.
    else look.tally.unseen(some.filter((bucket) => look.differing.has(bucket)).length);
  }
}

function notComparable(error: unknown): Ending {
  if (!(error instanceof NotComparable)) throw error;
  const outcome = isBrokenBy('equal-when-not-comparable') ? 'equal' : 'not-comparable';
  return { outcome, reason: error.message };
}
