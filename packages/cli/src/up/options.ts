/** What `driftless up` can be told, and where everything of a cluster lies in its data directory. */
import { join, resolve } from 'node:path';
import { LOG_LEVELS } from '@driftless/runtime';
import { z } from 'zod';

const port = z.coerce.number().int().min(1).max(65_535);

export const upOptionsSchema = z.object({
  /** Undefined: as the data directory has it, or the default of a new cluster. */
  nodes: z.coerce.number().int().min(1).max(99).optional(),
  shards: z.coerce.number().int().min(1).max(1024).optional(),
  dataDir: z.string().min(1).default('.driftless'),
  gatewayPort: port.default(8080),
  /** The one address that may be another than loopback: everything else is reached through the gateway. */
  gatewayHost: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
  /** Undefined: the one after the gateway's. */
  antiEntropyPort: port.optional(),
  /** Node i listens on this + i − 1. */
  nodePort: port.default(7101),
  natsPort: port.default(7422),
  natsMonitorPort: port.default(7822),
  /** Prometheus and Alertmanager as well, where they are there. */
  observe: z.boolean().default(false),
  prometheusPort: port.default(9090),
  alertmanagerPort: port.default(9093),
  fresh: z.boolean().default(false),
  restart: z.boolean().default(true),
  logLevel: z.enum(LOG_LEVELS).default('info'),
});

export type UpOptions = z.output<typeof upOptionsSchema>;

export const NODES_DEFAULT = 3;
export const SHARDS_DEFAULT = 4;

export function antiEntropyPort(options: UpOptions): number {
  return options.antiEntropyPort ?? options.gatewayPort + 1;
}

/** Absolute paths. */
export interface Layout {
  readonly root: string;
  /** Says that the directory is ours, and what its cluster was made with. */
  readonly marker: string;
  readonly lock: string;
  readonly run: string;
  readonly log: string;
  /** A directory a node. */
  readonly nodes: string;
  readonly nats: string;
  readonly natsConfig: string;
  readonly prometheus: string;
  readonly alertmanager: string;
}

export function layoutOf(dataDir: string): Layout {
  const root = resolve(dataDir);
  return {
    root,
    marker: join(root, 'cluster.json'),
    lock: join(root, 'up.lock'),
    run: join(root, 'run'),
    log: join(root, 'log'),
    nodes: join(root, 'nodes'),
    nats: join(root, 'nats'),
    natsConfig: join(root, 'nats', 'nats-server.conf'),
    prometheus: join(root, 'prometheus'),
    alertmanager: join(root, 'alertmanager'),
  };
}

/** Stands in the command line of every child, so that `ps` shows, and a later `up` knows, whose it is. */
export function dataDirArgument({ root }: Layout): string {
  return `--data-dir=${root}`;
}

/** `number`: from 1. */
export function nodeName(number: number): string {
  return `node-${number}`;
}
