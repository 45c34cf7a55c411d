export * from './compare.ts';
export * from './leaf-digests.ts';
export * from './merkle.ts';
