/** Whole clusters in virtual time, for others than the simulation's own runs. */
export { Cluster } from './cluster.ts';
export { World } from './world.ts';
