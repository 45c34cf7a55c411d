/**
 * The processes of a cluster on one machine: what is run, with which environment, and how it is known to be
 * ready. A table, so that tests put other processes in place of it.
 */
import { fileURLToPath } from 'node:url';
import { removeRunFile, writeRunFile } from '@driftless/runtime';
import { z } from 'zod';
import type { NatsServer } from '../nats/provision.ts';
import type { ClusterShape } from './data-dir.ts';
import { probeJetStream } from './jetstream.ts';
import { antiEntropyPort, dataDirArgument, type Layout, nodeName, type UpOptions } from './options.ts';
import type { ChildSpec } from './supervisor.ts';

/** Children in the order of their start; they stop the other way round. */
export interface Plan {
  /** Absent when a server that runs elsewhere is used. */
  readonly natsServer: ChildSpec | undefined;
  readonly nodes: readonly ChildSpec[];
  readonly gateway: ChildSpec;
  readonly antiEntropy: ChildSpec;
}

export interface PlanInput {
  readonly options: UpOptions;
  readonly shape: ClusterShape;
  readonly layout: Layout;
  readonly natsUrl: string;
  readonly natsServer: NatsServer | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const CLUSTER_DEFAULT = 'driftless';
const HOST = '127.0.0.1';
/** Path of the main module of a room's process. */
export const entryOf = (room: string): string =>
  fileURLToPath(new URL(`../../../${room}/src/main.ts`, import.meta.url));

/** Longer than a process takes to give up draining by itself, so that its own word on that is heard. */
const PROCESS_STOP_TIMEOUT_MS = 12_000;
const NATS_STOP_TIMEOUT_MS = 10_000;

export function planCluster(input: PlanInput): Plan {
  const { options, shape, layout } = input;
  const founders = Array.from({ length: shape.founders }, (_, index) => nodeName(index + 1));
  const common = {
    ...input.env,
    DRIFTLESS_CLUSTER: input.env.DRIFTLESS_CLUSTER || CLUSTER_DEFAULT,
    DRIFTLESS_NATS_URL: input.natsUrl,
    DRIFTLESS_DATA_DIR: layout.root,
    DRIFTLESS_RUN_DIR: layout.run,
    DRIFTLESS_SHARDS: String(shape.shards),
    DRIFTLESS_MEMBERS: founders.join(','),
    DRIFTLESS_LOG_LEVEL: options.logLevel,
  };
  return {
    natsServer: input.natsServer && natsChild(input.natsServer, input),
    nodes: shape.nodes.map((number) => {
      const name = nodeName(number);
      const port = options.nodePort + number - 1;
      return processChild({
        name,
        entry: entryOf('store-node'),
        port,
        layout,
        env: { ...common, DRIFTLESS_NODE_ID: name },
      });
    }),
    gateway: processChild({
      name: 'gateway-1',
      entry: entryOf('gateway'),
      port: options.gatewayPort,
      host: options.gatewayHost,
      layout,
      env: { ...common, DRIFTLESS_INSTANCE: 'gateway-1' },
    }),
    antiEntropy: processChild({
      name: 'anti-entropy-1',
      entry: entryOf('anti-entropy'),
      port: antiEntropyPort(options),
      layout,
      env: { ...common, DRIFTLESS_INSTANCE: 'anti-entropy-1' },
    }),
  };
}

export interface ProcessInput {
  readonly name: string;
  /** Path of its main module. */
  readonly entry: string;
  readonly port: number;
  /** What it listens on; loopback by default. */
  readonly host?: string | undefined;
  readonly layout: Layout;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One of our own processes: run by this same Node, ready when `/readyz` says so. */
export function processChild({ name, entry, port, host = HOST, layout, env }: ProcessInput): ChildSpec {
  return {
    name,
    command: process.execPath,
    args: [entry, name, dataDirArgument(layout)],
    env: { ...env, DRIFTLESS_HOST: host, DRIFTLESS_PORT: String(port) },
    notReady: (signal) => askReadiness(`http://${reachable(host)}:${port}/readyz`, signal),
    stopTimeoutMs: PROCESS_STOP_TIMEOUT_MS,
    // The process writes this file itself when it listens; until then it would be lost if we were killed.
    onSpawn: (pid) => writeRunFile(layout.run, name, { pid, port, startedAt: new Date().toISOString() }),
    onExit: (pid) => removeRunFile(layout.run, name, pid),
  };
}

function natsChild(server: NatsServer, { options, layout, natsUrl, env }: PlanInput): ChildSpec {
  const name = 'nats-server';
  return {
    name,
    command: server.binary,
    args: ['-c', layout.natsConfig],
    env,
    async notReady(signal) {
      await probeJetStream(natsUrl, signal);
      return undefined;
    },
    stopTimeoutMs: NATS_STOP_TIMEOUT_MS,
    onSpawn: (pid) =>
      writeRunFile(layout.run, name, {
        pid,
        port: options.natsPort,
        monitorPort: options.natsMonitorPort,
        version: server.version,
        source: server.source,
        startedAt: new Date().toISOString(),
      }),
    onExit: (pid) => removeRunFile(layout.run, name, pid),
  };
}

/** Where one that listens on `host` is reached from this machine. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return HOST;
  return host.includes(':') ? `[${host}]` : host;
}

const readinessSchema = z.object({ reason: z.string().optional() });

async function askReadiness(url: string, signal: AbortSignal): Promise<string | undefined> {
  const response = await fetch(url, { signal });
  if (response.ok) {
    await response.body?.cancel();
    return undefined;
  }
  const body = readinessSchema.safeParse(await response.json());
  return (body.success && body.data.reason) || `its /readyz says ${response.status}`;
}
