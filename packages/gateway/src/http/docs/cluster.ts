/** What the OpenAPI document says of the cluster's state. */
import { asHead, documented, json, type Operation, parameter, problems } from './operation.ts';
import { processPaths } from './process.ts';

const tags = ['cluster'];

const cluster: Operation = {
  operationId: 'getCluster',
  summary: 'The cluster as this gateway sees it',
  tags,
  responses: {
    200: { description: 'Nodes, shards, replicas', content: json('ClusterView') },
    ...problems('invalid-parameter', 'replica-unavailable'),
  },
};

const shard: Operation = {
  operationId: 'getShard',
  summary: 'Positions, roots and lag of each replica of a shard',
  tags,
  parameters: [parameter('Shard')],
  responses: {
    200: { description: 'The shard', content: json('ShardView') },
    ...problems('invalid-parameter', 'not-found', 'replica-unavailable'),
  },
};

export const clusterDocs = documented({
  '/v1/cluster': { get: cluster, head: asHead(cluster) },
  ...processPaths,
});
export const shardDocs = documented({ '/v1/shards/{n}': { get: shard, head: asHead(shard) } });
