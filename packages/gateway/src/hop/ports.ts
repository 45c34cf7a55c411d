/** Port: what the store needs of the world besides news: time, dice, and ways to nodes. */
import { type Clock, systemClock } from '@driftless/runtime';
import type { GatewayConfig } from '../config.ts';
import type { GatewayTelemetry } from '../telemetry.ts';
import { type Hop, NodeConnection } from './connection.ts';

export interface HopPorts {
  clock: Clock;
  /** From 0 to less than 1. */
  random(): number;
  connect(node: string, url: string): Hop;
}

/** The real ones. */
export function hopPorts(config: GatewayConfig, telemetry: GatewayTelemetry): HopPorts {
  const options = {
    connectTimeoutMs: config.connectTimeoutMs,
    answerTimeoutMs: {
      write: config.writeTimeoutMs + config.hopMarginMs,
      read: config.readTimeoutMs,
      list: config.readTimeoutMs + config.hopMarginMs,
    },
    connectionsMax: config.nodeConnectionsMax,
    circuitFailuresMax: config.circuitFailuresMax,
    circuitOpenMs: config.circuitOpenMs,
  };
  return {
    clock: systemClock,
    random: Math.random,
    connect: (node, url) => new NodeConnection(node, url, options, telemetry),
  };
}
