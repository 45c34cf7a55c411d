/**
 * What was fixed when the cluster was made stands in a KV bucket. The first node writes it; every other one
 * must agree, or it would put keys where nobody looks for them.
 */
import { randomUUID } from 'node:crypto';
import { type ClusterRecord, clusterBucket, clusterKey, clusterRecordSchema } from '@driftless/contracts';
import { ConfigError } from '@driftless/runtime';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import type { NodeConfig } from '../config.ts';
import { Unanswered } from './port.ts';

/** Writes the record where it isn't there, and leaves the one that is. */
export async function keepClusterRecord(connection: NatsConnection, config: NodeConfig): Promise<KV> {
  const { cluster, streamReplicas, shards: shardCount, members, replicationFactor } = config;
  const kv = await new Kvm(connection).create(clusterBucket(cluster), {
    history: 1,
    replicas: streamReplicas,
  });
  if (await kv.get(clusterKey)) return kv;
  const ours: ClusterRecord = {
    format: 1,
    cluster,
    id: randomUUID(),
    shardCount,
    members,
    replicationFactor,
  };
  // Fails when another node was faster.
  await kv.create(clusterKey, JSON.stringify(ours)).catch(() => undefined);
  return kv;
}

/** Throws `ConfigError` when this node is configured for another cluster than the one that is there. */
export async function checkClusterRecord(
  connection: NatsConnection,
  config: NodeConfig,
): Promise<ClusterRecord> {
  const { cluster, shards: shardCount, members, replicationFactor } = config;
  const kv = await keepClusterRecord(connection, config);
  const entry = await kv.get(clusterKey);
  if (!entry) throw new Unanswered('The record of the cluster can neither be written nor read.');
  const record = clusterRecordSchema.parse(JSON.parse(entry.string()));
  if (record.shardCount !== shardCount) {
    const made = `cluster "${cluster}" was made with ${record.shardCount}`;
    throw new ConfigError(`DRIFTLESS_SHARDS is ${shardCount}, but ${made}.`, ['DRIFTLESS_SHARDS']);
  }
  if (record.members.join() !== members.join() || record.replicationFactor !== replicationFactor) {
    const made = `the list that cluster "${cluster}" was made with: ${record.members.join()}`;
    throw new ConfigError(`DRIFTLESS_MEMBERS is not ${made}.`, ['DRIFTLESS_MEMBERS']);
  }
  return record;
}
