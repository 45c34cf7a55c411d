/**
 * The anti-entropy process: configuration → HTTP → NATS → the cluster's record → rounds, and down again in
 * reverse. With `--once` it does one round and ends (job/once.ts).
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { DriftlessError } from '@driftless/contracts';
import {
  connectNats,
  createHttpServer,
  createLogger,
  createNatsMetrics,
  createTelemetry,
  followStatuses,
  HeardNodes,
  type Logger,
  loadConfig,
  type NatsLink,
  natsLinkOptions,
  type ProcessContext,
  removeRunFile,
  runProcess,
  startTracing,
  systemClock,
  type Telemetry,
  type Tracing,
  writeRunFile,
} from '@driftless/runtime';
import { answerWhere, clusterRecord, roundCells } from './job/cluster.ts';
import { type AntiEntropyConfig, antiEntropyConfigSchema } from './job/config.ts';
import { Healer } from './job/healer.ts';
import { addRoutes } from './job/http.ts';
import { HttpNodes } from './job/nodes-http.ts';
import { describe, exitCodes, listen, type OnceOptions, onceOptions } from './job/once.ts';
import { RoundLeases } from './job/round-leases.ts';
import { createInstruments, observeHealer } from './job/telemetry.ts';
import { viewOf } from './job/view.ts';

const bodyBytesMax = 64 * 1024;
/** How long a one-shot waits for NATS and for the cluster's record, milliseconds. */
const onceStartTimeoutMs = 15_000;

await runProcess('anti-entropy', async (context) => {
  const once = askedOnce();
  const config = loadConfig(antiEntropyConfigSchema, { env: process.env });
  const { instance } = config;
  const level = once && !process.env.DRIFTLESS_LOG_LEVEL ? 'warn' : config.logLevel;
  // Standard output of a one-shot is its report.
  const destination = once ? { destination: process.stderr } : {};
  const telemetry = createTelemetry({ service: 'anti-entropy', instance });
  const { logged } = telemetry;
  const logger = createLogger({ process: 'anti-entropy', instance, level, logged, ...destination });
  context.useLogger(logger);
  context.onStop(() => telemetry.shutdown());
  const { env } = process;
  const tracing = await startTracing({ service: 'anti-entropy', instance, env, telemetry, logger });
  context.onStop(() => tracing?.shutdown());
  const shared = { config, logger, telemetry, tracing };
  await (once ? runOnce(once, shared, context) : serve(shared, context));
});

/** What both ways to run need. */
interface Shared {
  config: AntiEntropyConfig;
  logger: Logger;
  telemetry: Telemetry;
  tracing: Tracing | undefined;
}

async function serve(shared: Shared, context: ProcessContext): Promise<void> {
  const { config, logger, telemetry } = shared;
  const { cluster, instance, host, runDir } = config;
  const heard = new HeardNodes(config.nodeSilentMs);
  let link: NatsLink | undefined;
  let healer: Healer | undefined;
  const healing = (): Healer => {
    if (healer) return healer;
    throw new DriftlessError('replica-unavailable', 'The process is starting: it does not know the cluster.');
  };
  const statuses = () => heard.allFresh(systemClock.monotonic());
  const app = await createHttpServer({
    logger,
    telemetry,
    bodyLimit: bodyBytesMax,
    ready: () => {
      if (!healer) return { ok: false, reason: 'it does not know the cluster yet' };
      const ok = statuses().length > 0;
      return ok ? { ok } : { ok, reason: 'no store node has told its status lately' };
    },
  });
  addRoutes(app, healing, () => {
    const natsConnected = link?.isConnected() ?? false;
    return viewOf(healing(), { cluster, instance, natsConnected, statuses: statuses() });
  });
  const natsMetrics = createNatsMetrics(telemetry);
  observeHealer(telemetry, () => healer);
  await app.listen({ host, port: config.port });
  context.onStop(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  writeRunFile(runDir, instance, { pid: process.pid, port, startedAt: new Date().toISOString() });
  context.onStop(() => removeRunFile(runDir, instance, process.pid));

  link = await connectNats({
    ...natsLinkOptions(config),
    name: instance,
    logger,
    signal: context.signal,
  });
  const connected = link;
  context.onStop(() => connected.close());
  context.onStop(natsMetrics.follow(link, systemClock));
  const { signal } = context;
  const parts = { ...shared, link, heard, holder: instance, signal };
  healer = await createHealer(parts, signal);
  context.onStop(() => healer?.stop());
  healer.start();
  const url = config.advertiseUrl ?? `http://${host}:${port}`;
  answerWhere(link, cluster, { instance, url });
  logger.info({ host, port, cluster, shards: healer.shards.length }, 'anti-entropy runs');
}

async function runOnce(
  { shard, dryRun, json }: OnceOptions,
  shared: Shared,
  context: ProcessContext,
): Promise<void> {
  const { config, logger } = shared;
  const startSignal = AbortSignal.any([context.signal, AbortSignal.timeout(onceStartTimeoutMs)]);
  let began = false;
  try {
    const holder = `once-${randomUUID()}`;
    const link = await connectNats({ ...natsLinkOptions(config), name: holder, logger, signal: startSignal });
    context.onStop(() => link.close());
    const heard = new HeardNodes(config.nodeSilentMs);
    const { signal } = context;
    const parts = { ...shared, link, heard, holder, signal };
    const healer = await createHealer(parts, startSignal);
    context.onStop(() => healer.stop());
    began = true;
    const shards = healer.shards
      .map((one) => one.shard)
      .filter((one) => shard === undefined || one === shard);
    await listen(heard, shards, { clock: systemClock, listenMs: config.onceListenMs, signal });
    const answer = await healer.run({ ...(shard !== undefined && { shard }), dryRun });
    const lines = json ? [JSON.stringify(answer)] : describe(answer);
    process.stdout.write(`${lines.join('\n')}\n`);
    context.stop('the rounds are over', exitCodes[answer.outcome]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isAway = !began && startSignal.aborted;
    const reason = isAway ? "NATS, or the cluster's record in it, is not there" : message;
    process.stderr.write(`anti-entropy: could not be done: ${reason}\n`);
    context.stop('it could not be done', exitCodes['not-comparable']);
  }
}

interface HealerParts extends Shared {
  link: NatsLink;
  heard: HeardNodes;
  /** Under which name leases are taken. */
  holder: string;
  /** Ends what is followed. */
  signal: AbortSignal;
}

/** Once the cluster is known, or `startSignal` aborts. Statuses are heard from then on. */
async function createHealer(parts: HealerParts, startSignal: AbortSignal): Promise<Healer> {
  const { config, logger, telemetry, tracing, link, heard, holder, signal } = parts;
  const starting = { link, logger, signal: startSignal };
  const { shardCount } = await clusterRecord(starting, config.cluster);
  const cells = await roundCells(starting, config);
  const clock = systemClock;
  const ttlMs = config.roundLeaseTtlMs;
  const leases = new RoundLeases({ cells, clock, logger, holder, incarnation: randomUUID(), ttlMs });
  const { exchangeTimeoutMs } = config;
  const nodes = new HttpNodes({ urlOf: (node) => heard.urlOf(node), exchangeTimeoutMs });
  const instruments = createInstruments(telemetry);
  const ports = { clock, dice: Math.random, logger, nodes, leases, instruments, heard, tracing };
  const healer = new Healer(config, shardCount, ports);
  followStatuses({ link, logger, signal }, config.cluster, (status) => healer.hear(status));
  return healer;
}

/** Bad arguments end the process before anything begins. */
function askedOnce(): OnceOptions | undefined {
  try {
    return onceOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`anti-entropy: ${error instanceof Error ? error.message : String(error)}\n`);
    return process.exit(exitCodes['not-comparable']);
  }
}
