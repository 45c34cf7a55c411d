/** When a cluster has got over what was done to it. */
import type { ClusterView } from '@driftless/contracts';

/** Every node is alive, and every replica healthy, at its leader's position and root. */
export function isWhole({ shards, nodes }: ClusterView): boolean {
  return (
    nodes.every(({ alive, natsConnected }) => alive && natsConnected) &&
    shards.every(({ members, leader, replicas }) => {
      const lead = replicas.find(({ node }) => node === leader);
      const same = replicas.filter(({ alive, health, root, applied }) => {
        return alive && health === 'healthy' && root === lead?.root && applied.seq === lead.applied.seq;
      });
      return same.length === members.length;
    })
  );
}

/** The same while writes go on: positions differ then, by what is under way. */
export function isServing({ shards, nodes }: ClusterView): boolean {
  return (
    nodes.every(({ alive, natsConnected }) => alive && natsConnected) &&
    shards.every(({ members, leader, replicas }) => {
      const well = replicas.filter(({ alive, health }) => alive && health === 'healthy');
      return leader !== undefined && well.length === members.length;
    })
  );
}
