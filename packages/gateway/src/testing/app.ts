/** The gateway as an application for tests: everything real but NATS and the nodes. */
import { Buffer } from 'node:buffer';
import { DriftlessError } from '@driftless/contracts';
import { createLogger, createTelemetry, type HttpServer, loadConfig, systemClock } from '@driftless/runtime';
import { createApp } from '../app.ts';
import { Canary } from '../canary.ts';
import { type GatewayConfig, gatewayConfigSchema } from '../config.ts';
import { RoutingTable } from '../hop/routing-table.ts';
import { Store } from '../hop/store.ts';
import { Sessions } from '../http/sessions.ts';
import { createGatewayTelemetry } from '../telemetry.ts';
import { FakeNode } from './fake-node.ts';

/** What is to be ended after a test, in order of making. */
export type Ends = (() => Promise<unknown>)[];

export async function openApp(
  ends: Ends,
  overrides: Partial<GatewayConfig> = {},
): Promise<{ app: HttpServer; table: RoutingTable }> {
  const config = loadConfig(gatewayConfigSchema, {
    env: {},
    overrides: { routeWaitMs: 300, ...overrides },
  });
  const telemetry = createTelemetry({ service: 'gateway', instance: 'test' });
  const logger = createLogger({ process: 'gateway', instance: 'test', level: 'silent' });
  const instruments = createGatewayTelemetry(telemetry);
  const table = new RoutingTable(config);
  const store = new Store(config, table, instruments);
  const canary = new Canary(config, store, instruments, systemClock);
  const sessions = new Sessions('test');
  sessions.useKey(Buffer.alloc(32));
  const info = { instance: 'test', nats: () => ({ connected: true }) };
  const findAntiEntropy = (): Promise<never> => {
    throw new DriftlessError('unavailable', 'No anti-entropy process answers.');
  };
  const parts = { config, logger, telemetry, instruments, store, canary, sessions, info };
  const app = await createApp({ ...parts, findAntiEntropy });
  ends.push(
    () => store.close(),
    () => app.close(),
  );
  return { app, table };
}

/** One node, which leads the one shard. */
export async function withNode(ends: Ends, table: RoutingTable): Promise<FakeNode> {
  const node = await new FakeNode('a').start();
  ends.push(() => node.stop());
  const members = ['a'];
  const cluster = {
    format: 1 as const,
    cluster: 'test',
    id: 'x',
    shardCount: 1,
    members,
    replicationFactor: 1,
  };
  table.hear({ type: 'cluster-known', cluster });
  table.hear({ type: 'status-heard', status: node.status('leading') });
  return node;
}
