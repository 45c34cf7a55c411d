/**
 * Ways to break comparing and healing on purpose, so that tests can show that it would be noticed. Only a
 * test switches one on, by `breakBy`; no configuration and no environment can. Each is asked for at the one
 * place where a mistake would make it: the first two here, the other where nodes repair.
 */
export const mutants = {
  'repair-lower-version': 'a row of a lower version takes the place of one of a higher version',
  'equal-when-not-comparable': 'what could not be compared is told as equal',
  'forget-tree-in-repair': 'a repair writes rows and leaves the tree as it is',
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
