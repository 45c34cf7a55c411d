/**
 * Every name that processes meet under: NATS subjects, streams, consumers and buckets. A user's key never
 * stands in any of them.
 *
 *     driftless.<cluster>.event.<shard>      the shard's stream: replication events
 *     driftless.<cluster>.head.<shard>       core NATS: the leader tells where its log ends
 *     driftless.<cluster>.applied.<shard>    core NATS: a replica tells what it has applied durably
 *     driftless.<cluster>.status.<node>      core NATS: a node tells the state of all its replicas
 *     driftless.<cluster>.anti-entropy       core NATS, request: where an anti-entropy process is
 */
import { z } from 'zod';

export const clusterNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, {
  message: 'A cluster name has 1–32 characters of a–z, 0–9 and "-".',
});
export const nodeIdSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  message: 'A node id has 1–63 characters of a–z, 0–9 and "-".',
});

export function eventSubject(cluster: string, shard: number): string {
  return `driftless.${cluster}.event.${shard}`;
}
export function headSubject(cluster: string, shard: number | '*'): string {
  return `driftless.${cluster}.head.${shard}`;
}
export function appliedSubject(cluster: string, shard: number | '*'): string {
  return `driftless.${cluster}.applied.${shard}`;
}
export function statusSubject(cluster: string, node: string): string {
  return `driftless.${cluster}.status.${node}`;
}
export function antiEntropySubject(cluster: string): string {
  return `driftless.${cluster}.anti-entropy`;
}
export function streamName(cluster: string, shard: number): string {
  return `driftless-${cluster}-${shard}`;
}
/** Durable consumer of a node on a shard's stream. */
export function consumerName(node: string): string {
  return `replica-${node}`;
}
/** KV bucket of the leases; key `shard.<n>`. */
export function leaseBucket(cluster: string): string {
  return `driftless-${cluster}-leases`;
}
export function leaseKey(shard: number): string {
  return `shard.${shard}`;
}
/** KV bucket of the round leases of anti-entropy; key `shard.<n>`. */
export function roundBucket(cluster: string): string {
  return `driftless-${cluster}-rounds`;
}
/** KV bucket of what was fixed when the cluster was made; key `cluster`. */
export function clusterBucket(cluster: string): string {
  return `driftless-${cluster}-cluster`;
}
export const clusterKey = 'cluster';
/** Key in that bucket under which the gateways keep what they sign session tokens with. */
export const sessionKeyName = 'session-key';

/** `Nats-Msg-Id` of an event. */
export function eventMessageId(shard: number, epoch: number, firstSeq: number): string {
  return `${shard}/${epoch}/${firstSeq}`;
}

/** Headers of an event, so that its position can be read without decoding it. */
export const eventHeaders = {
  epoch: 'Driftless-Epoch',
  firstSeq: 'Driftless-First-Seq',
  lastSeq: 'Driftless-Last-Seq',
  /** A client waits for followers to have the event on disk. */
  prompt: 'Driftless-Prompt',
};

/** Headers of a public answer. */
export const answerHeaders = {
  node: 'driftless-node',
  position: 'driftless-position',
  lagMs: 'driftless-lag-ms',
  lagOps: 'driftless-lag-ops',
  session: 'driftless-session',
} as const;
