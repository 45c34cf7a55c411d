export * from './core/compare.ts';
export * from './core/leaf-digests.ts';
export * from './core/merkle.ts';
export * from './core/ports.ts';
