/** The configuration of the one nats-server of `driftless up`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Layout } from './options.ts';

export interface NatsPorts {
  readonly natsPort: number;
  readonly natsMonitorPort: number;
}

const MAX_PAYLOAD_BYTES = 1024 * 1024;

export function writeNatsConfig(layout: Layout, ports: NatsPorts): void {
  mkdirSync(layout.nats, { recursive: true });
  writeFileSync(layout.natsConfig, natsConfig(layout, ports));
}

export function natsConfig({ nats }: Pick<Layout, 'nats'>, { natsPort, natsMonitorPort }: NatsPorts): string {
  return `# Written by "driftless up" at every start: edits are lost.
# For a cluster of several machines see compose/ and helm/.
server_name: "driftless"
listen: "127.0.0.1:${natsPort}"
http: "127.0.0.1:${natsMonitorPort}"
max_payload: ${MAX_PAYLOAD_BYTES}

jetstream {
  store_dir: ${JSON.stringify(nats)}
  # sync_interval is left at its default, 2 minutes: JetStream acknowledges before it has synced to disk,
  # so a power failure may take the newest messages of a single server. Driftless does not rely on them:
  # what was acknowledged is in the leader's own log, synced, and is published again. A cluster of several
  # machines should have "sync_interval: always" (nats-server 2.10 and later).
}
`;
}
