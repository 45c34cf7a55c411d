/** What a simulation drives: the store with routing, lanes and sessions, over a network of its own. */
export { type GatewayConfig, gatewayConfigSchema } from './config.ts';
export { HopError, kindOfAnswer } from './core/outcome.ts';
export { Session } from './core/session.ts';
export { WatchCursor } from './core/watch/cursor.ts';
export type { Circuit, Framed, Hop } from './hop/connection.ts';
export type { Written } from './hop/pending-write.ts';
export type { ReadOutcome } from './hop/reader.ts';
export { RoutingTable } from './hop/routing-table.ts';
export { Store } from './hop/store.ts';
export { Sessions } from './http/sessions.ts';
export type { GatewayTelemetry } from './telemetry.ts';
