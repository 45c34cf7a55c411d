/** Ways to break the product on purpose: the rooms' own lists together. A run is broken in one of them. */
import * as healing from '@driftless/anti-entropy';
import * as storing from '@driftless/store-node/simulation';

export const mutants = { ...storing.mutants, ...healing.mutants };
export type Mutant = keyof typeof mutants;

/** One of them, or with `undefined` none, until it is called again. */
export function breakBy(mutant: Mutant | undefined): void {
  storing.breakBy(isStoring(mutant) ? mutant : undefined);
  healing.breakBy(isHealing(mutant) ? mutant : undefined);
}

function isStoring(mutant: Mutant | undefined): mutant is storing.Mutant {
  return mutant !== undefined && Object.hasOwn(storing.mutants, mutant);
}

function isHealing(mutant: Mutant | undefined): mutant is healing.Mutant {
  return mutant !== undefined && Object.hasOwn(healing.mutants, mutant);
}
