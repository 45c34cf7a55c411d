/**
 * One look at some buckets of both replicas, few enough to fit in memory: lists their rows, asks for heads of
 * those that differ, decides about each key, and repairs ours as far as the budget goes.
 *
 *     leaves equal, both sound      nothing: the captured leaves are those of the rows
 *     rows equal, ours not sound    the leaf is spoiled: rebuilt from rows that a sound peer has too
 *     rows differ                   decided key by key; a repair rebuilds the bucket's leaf as well
 *
 * The rung `bucket` doesn't believe what the comparison of rows says: where the peer is trusted and ours is
 * not, every row of the bucket is taken.
 */
import {
  comparePositions,
  type Difference,
  type Digest,
  isZeroDigest,
  parseDigest,
  type RowHead,
  rowHash,
} from '@driftless/contracts';
import { type Decision, decide, type Side } from './decide.ts';
import { NotComparable } from './not-comparable.ts';
import { has, pairRows, type RowPair } from './pair-rows.ts';
import type { Capture, Heads, OurReplica, Peer, Repair, Wanted } from './ports.ts';
import type { Tally } from './tally.ts';

export interface Look {
  ours: OurReplica;
  peer: Peer;
  captures: { ours: Capture; theirs: Capture };
  /** Buckets whose captured leaves differ; the others are looked at because they are suspect. */
  differing: ReadonlySet<number>;
  rung: 'key' | 'bucket';
  /** False: tells what it would do. */
  repairs: boolean;
  limits: LookLimits;
  tally: Tally;
}

export interface LookLimits {
  /** Buckets listed in one question. */
  bucketsAtOnce: number;
  /** Heads asked for in one question; a bucket's are not split. */
  headsAtOnce: number;
  /** Repairs in one step, and bytes of their values. */
  repairsAtOnce: number;
  repairBytesAtOnce: number;
}

/** A bucket of both sides. */
interface Pair {
  bucket: number;
  sound: { ours: boolean; theirs: boolean };
  /** The captured tree had no drift, and the bucket is sound. */
  trusted: { ours: boolean; theirs: boolean };
  /** Every row is taken, not only those that differ. */
  whole: boolean;
  /** All where the whole bucket is taken; else there may be those alone that differ. */
  rows: RowPair[];
  differing: RowPair[];
}

/** Rows to ask heads of. */
interface Question {
  wanted: Wanted[];
  /** By hash: the row as it was listed, and its bucket. */
  listed: Map<string, { row: RowPair; pair: Pair }>;
}

/** `audit`: both sides recompute the digests of all rows. */
export async function healBuckets(look: Look, buckets: readonly number[], audit: boolean): Promise<void> {
  const pairs = await list(look, buckets, audit);
  await mendLeaves(look, pairs);
  for (const { wanted, listed } of questions(look, pairs)) {
    const [mine, yours] = await Promise.all([look.ours.heads(wanted), look.peer.heads(wanted)]);
    if (wentBack(look, mine) || wentBack(look, yours)) {
      throw new NotComparable('A replica went back in its history meanwhile.');
    }
    const repairs = plan(look, listed, mine, yours);
    for (const step of steps(repairs, look.limits)) await repair(look, step);
  }
}

async function list(look: Look, buckets: readonly number[], audit: boolean): Promise<Pair[]> {
  const { ours, peer, captures } = look;
  const listing = { throughSeq: captures.ours.position.seq, audit };
  const [mine, yours] = await Promise.all([ours.buckets(buckets, listing), peer.buckets(buckets, listing)]);
  return buckets.map((bucket, i): Pair => {
    const [our, their] = [mine[i], yours[i]];
    if (our?.bucket !== bucket || their?.bucket !== bucket) {
      throw new NotComparable('Other buckets came than those that were asked for.');
    }
    const sound = { ours: our.sound, theirs: their.sound };
    const trusted = {
      ours: sound.ours && isZeroDigest(captures.ours.drift),
      theirs: sound.theirs && isZeroDigest(captures.theirs.drift),
    };
    const whole = look.rung === 'bucket' && look.repairs && trusted.theirs && !trusted.ours;
    const { pairs: rows, compared } = pairRows(our.rows, their.rows, whole ? 'all' : 'differing');
    look.tally.compared += compared;
    const isProven = sound.ours && sound.theirs && !look.differing.has(bucket);
    const differing = isProven ? [] : rows.filter(({ equal }) => !equal);
    return { bucket, sound, trusted, whole, rows, differing };
  });
}

/** The rows are equal, and the peer's digests are those of its rows: it is ours that are not. */
async function mendLeaves({ ours, tally, repairs }: Look, pairs: readonly Pair[]): Promise<void> {
  const equal = pairs.filter(({ differing }) => differing.length === 0);
  tally.left.theirLeaves += equal.filter(({ sound }) => sound.ours && !sound.theirs).length;
  const spoiled = equal.filter(({ sound }) => !sound.ours);
  const mendable = spoiled.filter(({ sound }) => repairs && sound.theirs);
  tally.left.ourLeaves += spoiled.length - mendable.length;
  if (mendable.length === 0) return;
  const buckets = mendable.map(({ bucket }) => bucket);
  await ours.repair(buckets, []);
  tally.leaves += buckets.length;
}

/** What to ask, in parts; rows past the budget are only counted. */
function* questions({ tally, limits }: Look, pairs: readonly Pair[]): Generator<Question> {
  let question: Question = { wanted: [], listed: new Map() };
  for (const pair of pairs) {
    const looked = tally.lookAt(pair.differing);
    const rows = pair.whole ? pair.rows : looked;
    if (rows.length === 0) continue;
    question.wanted.push({ bucket: pair.bucket, hashes: rows.map(({ hash }) => hash) });
    for (const row of rows) question.listed.set(row.hash, { row, pair });
    if (question.listed.size < limits.headsAtOnce) continue;
    yield question;
    question = { wanted: [], listed: new Map() };
  }
  if (question.wanted.length > 0) yield question;
}

/** It cut its log, or a copy of another took its place: what was captured is not what it is any more. */
function wentBack({ captures }: Look, { position }: Heads): boolean {
  return comparePositions(position, captures.ours.position) < 0;
}

/** What is to be repaired within the budget; the rest is told. */
function plan(look: Look, listed: Question['listed'], mine: Heads, yours: Heads): Repair[] {
  const agreed = { throughSeq: look.captures.ours.position.seq, epochs: look.ours.epochs() };
  const ourRows = new Map(mine.rows.map((row) => [row.key, row]));
  const theirRows = new Map(yours.rows.map((row) => [row.key, row]));
  return [...new Set([...ourRows.keys(), ...theirRows.keys()])].flatMap((key) => {
    const found = listed.get(rowHash(key));
    if (!found) throw new NotComparable('Other rows came than those that were asked for.');
    const { row, pair } = found;
    const ours = side(mine, ourRows.get(key), row.ours, pair.trusted.ours);
    const theirs = side(yours, theirRows.get(key), row.theirs, pair.trusted.theirs);
    const decision = decide(ours, theirs, agreed);
    const change = repairOf(pair.bucket, key, ours, theirs, decision);
    if (ours.row?.digest === theirs.row?.digest) {
      // Not a difference; in a bucket that is taken as a whole, written again.
      return pair.whole && change && fits(look, change) ? [change] : [];
    }
    const action = change && look.ours.isStopped(key) ? 'stopped' : decision.action;
    const reason = action === 'stopped' ? 'It was healed too often lately.' : decision.reason;
    look.tally.difference({ key, bucket: pair.bucket, ...bothRows(ours, theirs), action, reason });
    if (action !== 'take' && action !== 'remove') {
      look.tally.left[action] += 1;
      return [];
    }
    return change && fits(look, change) ? [change] : [];
  });
}

function side(heads: Heads, row: RowHead | undefined, listed: readonly Digest[], trusted: boolean): Side {
  const asListed = row ? has(listed, parseDigest(row.digest)) : listed.length === 0;
  return { row, asListed, trusted, position: heads.position, collectedSeq: heads.collectedSeq };
}

function bothRows({ row: ours }: Side, { row: theirs }: Side): Pick<Difference, 'ours' | 'theirs'> {
  return { ...(ours && { ours: withoutKey(ours) }), ...(theirs && { theirs: withoutKey(theirs) }) };
}

function withoutKey({ key: _, ...rest }: RowHead): Omit<RowHead, 'key'> {
  return rest;
}

function repairOf(
  bucket: number,
  key: string,
  { row: ours }: Side,
  { row: theirs }: Side,
  { action, reason }: Decision,
): Repair | undefined {
  if (action !== 'take' && action !== 'remove') return undefined;
  return {
    bucket,
    key,
    ...(ours && { ours: parseDigest(ours.digest) }),
    ...(action === 'take' && theirs && { theirs }),
    reason,
  };
}

function fits({ repairs, tally }: Look, { theirs }: Repair): boolean {
  if (!repairs) tally.left.repair += 1;
  else if (tally.spend(theirs?.bytes ?? 0)) return true;
  else tally.left.budget += 1;
  return false;
}

/** Parts of what is to be repaired, few enough for values in memory. */
function* steps(repairs: readonly Repair[], limits: LookLimits): Generator<Repair[]> {
  let step: Repair[] = [];
  let bytes = 0;
  for (const one of repairs) {
    const size = one.theirs?.bytes ?? 0;
    const isFull = step.length >= limits.repairsAtOnce || bytes + size > limits.repairBytesAtOnce;
    if (isFull && step.length > 0) {
      yield step;
      step = [];
      bytes = 0;
    }
    step.push(one);
    bytes += size;
  }
  if (step.length > 0) yield step;
}

async function repair({ ours, tally }: Look, step: readonly Repair[]): Promise<void> {
  const buckets = [...new Set(step.map(({ bucket }) => bucket))];
  const { healed, bytesShipped } = await ours.repair(buckets, step);
  tally.healed += healed;
  tally.bytesShipped += bytesShipped;
  // The others met another row than the one that was listed.
  tally.left.wait += step.length - healed;
}
