/** Invariants that hold in production too: a broken one ends the unit of work, loudly. */

export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${what}`);
}
