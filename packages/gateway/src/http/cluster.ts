/** `GET /v1/cluster` and `GET /v1/shards/{n}`: who leads what, and how far behind everyone is. */
import { DriftlessError } from '@driftless/contracts';
import { keyOfTarget, queryOfTarget } from '../core/target.ts';
import { clusterView, shardView, type ViewContext } from '../core/view.ts';
import type { Store } from '../hop/store.ts';
import type { Api } from './api.ts';
import { clusterDocs, shardDocs } from './docs/cluster.ts';

export interface ClusterInfo {
  /** Name of this gateway. */
  instance: string;
  nats(): ViewContext['nats'];
}

export function serveCluster(api: Api, store: Store, info: ClusterInfo): void {
  api.route({
    method: ['GET', 'HEAD'],
    url: '/v1/cluster',
    config: clusterDocs,
    handler: (request, reply) => {
      queryOfTarget(request.url, []);
      void store.cluster;
      const context = {
        gateway: info.instance,
        nats: info.nats(),
        circuitOf: (node: string) => store.directory.circuitOf(node),
        now: performance.now(),
      };
      return reply.send(clusterView(store.routing.state, context));
    },
  });
  api.route({
    method: ['GET', 'HEAD'],
    url: '/v1/shards/*',
    config: shardDocs,
    handler: (request, reply) => {
      queryOfTarget(request.url, []);
      const { shardCount } = store.cluster;
      const text = keyOfTarget(request.url, 2);
      if (!/^\d{1,9}$/.test(text)) {
        throw new DriftlessError(
          'invalid-parameter',
          `A shard is a whole number from 0 to ${shardCount - 1}.`,
        );
      }
      const view = shardView(store.routing.state, Number(text));
      if (view === undefined) {
        throw new DriftlessError('not-found', `The cluster has the shards 0 to ${shardCount - 1}.`);
      }
      return reply.send(view);
    },
  });
}
