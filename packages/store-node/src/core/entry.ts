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

export const emptyValue = new Uint8Array(0);

export function makeEntry(input: DigestInput): Entry {
  return { ...input, digest: entryDigest(input) };
}

/** The row's bytes still have the digest that was kept beside them. */
export function isSound(entry: Entry): boolean {
  return equalDigest(entryDigest(entry), entry.digest) || isBrokenBy('skip-digest-check');
}

/** A reader sees this entry at wall-clock time `now` (milliseconds): neither deleted nor expired. */
export function isVisible(entry: Entry | undefined, now: number): entry is Entry {
  return entry !== undefined && !entry.tombstone && (entry.expiresAt === null || entry.expiresAt > now);
}

/** How the core looks a key up; the shell gives it the store's rows. */
export type Lookup = (key: string) => Entry | undefined;
