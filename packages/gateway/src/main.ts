/** The gateway process: configuration → NATS → routing table → store → HTTP, and down again in reverse. */

import { Buffer } from 'node:buffer';
import type { AddressInfo } from 'node:net';
import type { ClusterRecord } from '@driftless/contracts';
import {
  connectNats,
  createLogger,
  createNatsMetrics,
  createTelemetry,
  loadConfig,
  natsLinkOptions,
  type ProcessContext,
  removeRunFile,
  runProcess,
  startTracing,
  systemClock,
  writeRunFile,
} from '@driftless/runtime';
import { createApp } from './app.ts';
import { Canary } from './canary.ts';
import { type GatewayConfig, gatewayConfigSchema } from './config.ts';
import { RoutingTable } from './hop/routing-table.ts';
import { Store } from './hop/store.ts';
import { Sessions } from './http/sessions.ts';
import { findAntiEntropy } from './nats/anti-entropy.ts';
import { follow, RecordMismatch } from './nats/follow.ts';
import { followSessionKey } from './nats/session-key.ts';
import { createGatewayTelemetry } from './telemetry.ts';

await runProcess('gateway', main);

async function main({ signal, onStop, useLogger }: ProcessContext): Promise<void> {
  const config = loadConfig(gatewayConfigSchema, { env: process.env });
  const { cluster, instance, host, port, runDir } = config;
  const telemetry = createTelemetry({ service: 'gateway', instance });
  const { logged } = telemetry;
  const logger = createLogger({ process: 'gateway', instance, level: config.logLevel, logged });
  useLogger(logger);
  onStop(() => telemetry.shutdown());
  const tracing = await startTracing({ service: 'gateway', instance, env: process.env, telemetry, logger });
  onStop(() => tracing?.shutdown());
  const instruments = createGatewayTelemetry(telemetry);

  const link = await connectNats({ ...natsLinkOptions(config), name: instance, logger, signal });
  onStop(() => link.close());
  onStop(createNatsMetrics(telemetry).follow(link, systemClock));
  const table = new RoutingTable({ nodeSilentMs: config.nodeSilentMs, readLagMaxMs: config.readLagMaxMs });
  const store = new Store(config, table, instruments);
  onStop(() => store.close());
  follow({ link, cluster, table, logger, signal, checkRecord: (record) => checkRecord(config, record) });

  const canary = new Canary(config, store, instruments, systemClock);
  onStop(canary.start());

  const sessions = new Sessions(cluster);
  if (config.sessionKey !== undefined) sessions.useKey(Buffer.from(config.sessionKey, 'utf8'));
  else followSessionKey({ link, cluster, sessions, logger, signal });

  const nats = () => {
    const version = link.nc.info?.version;
    return { connected: link.isConnected(), ...(version !== undefined && { version }) };
  };
  const info = { instance, nats };
  const parts = { config, logger, telemetry, instruments, store, canary, sessions, info, tracing };
  const app = await createApp({ ...parts, findAntiEntropy: findAntiEntropy(link, cluster) });
  await app.listen({ host, port });
  onStop(() => app.close());
  const listening = (app.server.address() as AddressInfo).port;
  writeRunFile(runDir, instance, {
    pid: process.pid,
    port: listening,
    startedAt: new Date().toISOString(),
  });
  onStop(() => removeRunFile(runDir, instance, process.pid));
  logger.info({ host, port: listening, cluster }, 'gateway listens');
}

function checkRecord({ shards, members }: GatewayConfig, record: ClusterRecord): void {
  if (shards !== undefined && shards !== record.shardCount) {
    throw new RecordMismatch(
      `DRIFTLESS_SHARDS is ${shards}, but the cluster has ${record.shardCount} shards.`,
    );
  }
  const has = [...record.members].sort().join(', ');
  const wants = members && [...members].sort().join(', ');
  if (wants !== undefined && wants !== has) {
    throw new RecordMismatch(`DRIFTLESS_MEMBERS is ${wants}, but the cluster has the members ${has}.`);
  }
}
