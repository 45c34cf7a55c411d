/** A store node as a process: configuration → files → HTTP → NATS → replicas → run → drain. */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DriftlessError } from '@driftless/contracts';
import {
  connectNats,
  createHttpServer,
  createLogger,
  createNatsMetrics,
  createTelemetry,
  loadConfig,
  natsLinkOptions,
  removeRunFile,
  runProcess,
  startTracing,
  systemClock,
  writeRunFile,
} from '@driftless/runtime';
import { nodeConfigSchema } from './config.ts';
import { addRoutes, frameBytesMax, hotRoutes } from './http/app.ts';
import { StoreNode } from './node.ts';
import { connectPorts } from './ports.ts';

await runProcess('store-node', async (process) => {
  const config = loadConfig(nodeConfigSchema, { env: globalThis.process.env });
  const { nodeId, logLevel: level } = config;
  const startedAt = new Date().toISOString();
  const telemetry = createTelemetry({ service: 'store-node', instance: nodeId });
  const { logged } = telemetry;
  const logger = createLogger({ process: 'store-node', instance: nodeId, level, logged });
  process.useLogger(logger);
  process.onStop(() => telemetry.shutdown());
  const { env } = globalThis.process;
  const tracing = await startTracing({ service: 'store-node', instance: nodeId, env, telemetry, logger });
  process.onStop(() => tracing?.shutdown());

  let node: StoreNode | undefined;
  const serving = () => {
    if (node) return node;
    throw new DriftlessError('replica-unavailable', 'The node is starting.');
  };
  const natsMetrics = createNatsMetrics(telemetry);
  const app = await createHttpServer({
    logger,
    telemetry,
    bodyLimit: frameBytesMax,
    ready: () => node?.ready() ?? { ok: false, reason: 'starting' },
    plain: { routes: hotRoutes(serving) },
  });
  addRoutes(app, serving);
  await app.listen({ host: config.host, port: config.port });
  process.onStop(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  const runDir = config.runDir ?? join(config.dataDir, 'run');
  writeRunFile(runDir, nodeId, { pid: globalThis.process.pid, port, startedAt });
  process.onStop(() => removeRunFile(runDir, nodeId, globalThis.process.pid));

  const link = await connectNats({
    ...natsLinkOptions(config),
    name: nodeId,
    logger,
    signal: process.signal,
  });
  process.onStop(() => link.close());
  process.onStop(natsMetrics.follow(link, systemClock));
  const advertised = config.advertiseUrl ?? `http://${config.host}:${port}`;
  const ports = await connectPorts(config, link, logger, telemetry, tracing);
  const incarnation = randomUUID();
  node = await StoreNode.start({ config, incarnation, startedAt, url: advertised, ports });
  process.onStop(() => node?.stop());
  process.onStop(() => node?.drain());
  logger.info({ port, shards: node.status().shards.length }, 'serving');
});
