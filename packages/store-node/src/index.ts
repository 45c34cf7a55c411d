/**
 * What a store node offers to other packages: its configuration and its instruments, for the generated docs.
 * It runs by `main.ts`.
 */
export { type NodeConfig, nodeConfigSchema } from './config.ts';
export { createInstruments } from './telemetry.ts';
