/**
 * What a store node offers to other packages: its configuration, for the generated docs. It runs by
 * `main.ts`.
 */
export { type NodeConfig, nodeConfigSchema } from './config.ts';
