/**
 * An entry is what a replica keeps for a key: the value with its version, or a tombstone. Its digest was
 * computed when it was written; recomputing it from the bytes tells whether the row still is what was
 * written.
 */
import { type Digest, type DigestInput, entryDigest, equalDigest } from '@driftless/contracts';
import { isBrokenBy } from './mutants.ts';

export interface Entry extends DigestInput {
  digest: Digest;
}

/** What a change has to know of the row that it replaces. */
export type Head = Pick<Entry, 'epoch' | 'seq' | 'tombstone' | 'expiresAt' | 'digest'>;

export const emptyValue = new Uint8Array(0);

export function makeEntry(input: DigestInput): Entry {
  const { key, epoch, seq, tombstone, value, contentType, expiresAt } = input;
  return { key, epoch, seq, tombstone, value, contentType, expiresAt, digest: entryDigest(input) };
}

/** The row's bytes still have the digest that was kept beside them. */
export function isSound(entry: Entry): boolean {
  return equalDigest(entryDigest(entry), entry.digest) || isBrokenBy('skip-digest-check');
}

/** A reader sees this entry at wall-clock time `now` (milliseconds): neither deleted nor expired. */
export function isVisible<Row extends Head>(entry: Row | undefined, now: number): entry is Row {
  return entry !== undefined && !entry.tombstone && (entry.expiresAt === null || entry.expiresAt > now);
}

/**
 * How the core looks up what it replaces. A head alone is what the store remembers of a row that it wrote; a
 * row comes from the disk, and its bytes are to be checked.
 */
export type Lookup = (key: string) => Entry | Head | undefined;
