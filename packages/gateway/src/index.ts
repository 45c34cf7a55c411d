/**
 * What the gateway offers to other packages: its configuration and its instruments, for the generated docs.
 * It runs by `main.ts`.
 */
export { type GatewayConfig, gatewayConfigSchema } from './config.ts';
export { createGatewayTelemetry } from './telemetry.ts';
