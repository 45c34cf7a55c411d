/** Where the replicas of a shard are, from the gateway's view of the cluster. */
import type { ClusterView } from '@driftless/contracts';
import { CommandError } from '../output/failure.ts';

export interface ReplicaAddress {
  node: string;
  /** Absent when the gateway has not heard of the node. */
  url: string | undefined;
}

/** The configured replicas of a shard. Throws when there is no such shard. */
export function replicaUrls(view: ClusterView, shard: number): ReplicaAddress[] {
  const found = view.shards.find((candidate) => candidate.shard === shard);
  if (found === undefined) {
    throw new CommandError(`there is no shard ${shard}`, {
      hint: `the cluster has 0 … ${view.shardCount - 1}`,
    });
  }
  return found.members.map((node) => ({ node, url: view.nodes.find((known) => known.node === node)?.url }));
}
