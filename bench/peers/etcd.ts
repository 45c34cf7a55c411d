/** etcd: three nodes. Clients talk to its HTTP gateway (JSON, base64), here to the node that leads. */
import { freePortRange, waitUntil } from '@driftless/runtime';
import { jsonOf } from '../load/plan.ts';
import type { Target } from '../targets/target.ts';
import { Servers } from './servers.ts';

const electionMsMax = 30_000;
const names = ['etcd-1', 'etcd-2', 'etcd-3'];

export async function startEtcd(): Promise<Target> {
  const servers = new Servers();
  const base = await freePortRange(2 * names.length);
  const nodes = names.map((name, i) => ({ name, client: base + 2 * i, peer: base + 2 * i + 1 }));
  const url = (port: number): string => `http://127.0.0.1:${port}`;
  const cluster = nodes.map(({ name, peer }) => `${name}=${url(peer)}`).join();
  const starts = nodes.map(({ name, client, peer }) => {
    const args = [
      ...['--name', name, '--data-dir', `${servers.directory}/${name}`, '--log-level', 'error'],
      ...['--listen-client-urls', url(client), '--advertise-client-urls', url(client)],
      ...['--listen-peer-urls', url(peer), '--initial-advertise-peer-urls', url(peer)],
      ...['--initial-cluster', cluster],
    ];
    return servers.start({ name, command: 'etcd', args, port: client });
  });
  await Promise.all(starts);
  const clients = nodes.map(({ client }) => client);
  const what = 'an etcd node to lead';
  const leader = await waitUntil(() => leaderOf(clients), { timeoutMs: electionMsMax, what });
  return {
    ports: [leader],
    charged: async () => servers.charged('etcd'),
    request: async ({ valueBytes }) => ({
      method: 'POST',
      path: '/v3/kv/put',
      body: JSON.stringify({ key: '{key}', value: Buffer.from(jsonOf(valueBytes)).toString('base64') }),
    }),
    stop: () => servers.stop(),
  };
}

interface Status {
  header: { member_id: string };
  leader: string;
}

async function leaderOf(ports: readonly number[]): Promise<number | undefined> {
  for (const port of ports) {
    const answer = await fetch(`http://127.0.0.1:${port}/v3/maintenance/status`, {
      method: 'POST',
      body: '{}',
    });
    const { header, leader } = (await answer.json()) as Status;
    if (leader === header.member_id) return port;
  }
  return undefined;
}
