export * from './core/compare.ts';
export { type Decision, decide, isAhead, isOrphan } from './core/decide.ts';
export * from './core/exchange.ts';
export * from './core/leaf-digests.ts';
export * from './core/merkle.ts';
export * from './core/mutants.ts';
export * from './core/ports.ts';
