/**
 * Ways to break the core on purpose, so that the simulation can show that it would be noticed. Only a test
 * switches one on, by `breakBy`; no configuration and no environment can. Each is asked for at the one place
 * where a mistake would make it.
 */
export const mutants = {
  'no-fence':
    'the stream takes a publish whatever it ends with, and the leader takes any sequence as an answer',
  'ack-before-commit': 'a write is acknowledged before it is committed',
  'skip-deduplication': 'a retry under a known Idempotency-Key is done again',
  'cursor-outside-transaction': 'the position is moved in a transaction of its own, before the rows',
  'forget-orphans': 'a deposed leader cuts its orphans off without keeping them',
  'read-session-early': 'a replica serves a session that has seen more than it has applied',
  'drop-tombstone': 'a delete leaves the row as it is',
  'collect-unseen-tombstone':
    'deleted rows are removed for good before every member has verified that it has them',
  'skip-digest-check': 'the bytes of a row are not held against its digest',
} as const;
export type Mutant = keyof typeof mutants;

let broken: Mutant | undefined;

/** For tests: one mutant, or with `undefined` none, until it is called again. */
export function breakBy(mutant: Mutant | undefined): void {
  broken = mutant;
}

export function isBrokenBy(mutant: Mutant): boolean {
  return broken === mutant;
}
