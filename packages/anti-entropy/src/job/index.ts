/** What the process shows of itself: to the page on configuration, and to a simulation that runs it. */
export { antiEntropyConfigSchema } from './config.ts';
export { Healer, type HealerConfig, type HealerPorts } from './healer.ts';
export type { HealerInstruments, Nodes } from './ports.ts';
export { RoundLeases } from './round-leases.ts';
