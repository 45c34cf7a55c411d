/** What a cluster says while JetStream can't be had for longer than a lease. */
import type { Scene } from '../runner/fault.ts';

/** Longer than a lease lives, with the wait of the least preferred candidate. */
const withoutMs = 7_000;
const refused = [503, 504];
const written = [200, 201];

/** ack=stream is refused or indeterminate, ack=leader goes on within the bound of the outbox. */
export async function provisionalOnly({ cluster, lasts }: Scene, ms = withoutMs): Promise<void> {
  await lasts(ms);
  const [stream, leader] = await Promise.all([put('stream'), put('leader')]);
  if (!refused.includes(stream)) throw new Error(`ack=stream without JetStream was answered ${stream}`);
  if (!written.includes(leader)) throw new Error(`ack=leader without JetStream was answered ${leader}`);

  async function put(ack: string): Promise<number> {
    const url = `${cluster.gatewayUrl}/v1/kv/without-jetstream?ack=${ack}`;
    const headers = { 'content-type': 'text/plain' };
    return (await fetch(url, { method: 'PUT', body: '1', headers })).status;
  }
}
