/** Puts into a NATS KV bucket: one replica, on disk. */
import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';

export async function openNatsKv({ port }: { port: number }) {
  const kv = await new Kvm(await connect({ port })).create('bench', { replicas: 1, history: 1 });
  return async (key: string, value: unknown): Promise<string> =>
    String(await kv.put(key, JSON.stringify(value)));
}
