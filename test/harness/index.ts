export * from './cluster.ts';
export * from './dump.ts';
export * from './load.ts';
export * from './nats.ts';
export * from './process.ts';
export * from './reads.ts';
