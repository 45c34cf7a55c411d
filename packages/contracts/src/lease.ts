/**
 * The lease of a shard, as it stands in the KV bucket. It only picks a candidate; safety is the fence
 * (docs/adr/0010-lease-and-fence.md). Nobody compares the clocks of two machines: a candidate waits until it
 * has seen the same revision for a whole TTL on its own monotonic clock.
 */
import { z } from 'zod';

export const leaseSchema = z.object({
  /** Who holds it, or null when it was given back. */
  holder: z.string().nullable(),
  /** Tells two lives of one node apart. */
  incarnation: z.string(),
  /** Epoch that the holder leads, or the last one it led; 0 before the first. */
  epoch: z.number().int().min(0),
  /** For how long without a new revision the lease holds, in milliseconds. */
  ttlMs: z.number().int().positive(),
  /** With `holder: null`: the member that should take over at once. */
  next: z.string().nullable(),
});
export type Lease = z.infer<typeof leaseSchema>;

/** What was fixed when the cluster was made. */
export const clusterRecordSchema = z.object({
  format: z.literal(1),
  cluster: z.string(),
  /** Random, so that a data directory of another cluster with the same name is found out. */
  id: z.string(),
  shardCount: z.number().int().min(1),
  members: z.array(z.string()).min(1),
  replicationFactor: z.number().int().min(1),
});
export type ClusterRecord = z.infer<typeof clusterRecordSchema>;
