/** What the process shows of itself: to the generated pages, and to a simulation that runs it. */
export { antiEntropyConfigSchema } from './config.ts';
export { Healer, type HealerConfig, type HealerPorts } from './healer.ts';
export type { HealerInstruments, Nodes } from './ports.ts';
export { RoundLeases } from './round-leases.ts';
export { createInstruments, observeHealer } from './telemetry.ts';
