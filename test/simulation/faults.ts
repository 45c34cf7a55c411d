/** Breaks what a plan says, when it says so, and mends it again. */
import { type InjectHeader, shardOf } from '@driftless/contracts';
import type { Cluster } from './cluster.ts';
import type { LinkFaults } from './nats.ts';
import { endOf, type Fault, type FaultKind } from './plan.ts';

type FaultOf<Kind extends FaultKind> = Extract<Fault, { kind: Kind }>;
/** Breaks something; what it returns mends it, if that takes more than time. */
type Breaks = { [Kind in FaultKind]: (cluster: Cluster, fault: FaultOf<Kind>) => (() => void) | undefined };

const nothing = undefined;

const breaks: Breaks = {
  kill: (cluster, { node }) => {
    cluster.program(node).process.die();
    return () => cluster.program(node).start();
  },
  'kill-in-call': (cluster, { node, calls, forMs }) => {
    const program = cluster.program(node);
    const { process } = program;
    const { onDeath } = process;
    process.callsLeft = calls;
    process.onDeath = () => {
      onDeath?.();
      if (program.process !== process) return;
      cluster.world.after(forMs, () => program.start());
    };
    return () => {
      process.callsLeft = Number.POSITIVE_INFINITY;
    };
  },
  'power-loss': (cluster, { node, share }) => {
    cluster.host(node).process.die();
    cluster.losePower(node, share);
    return () => cluster.startNode(node);
  },
  'disk-loss': (cluster, { node }) => {
    cluster.host(node).process.die();
    cluster.loseDisk(node);
    return () => cluster.startNode(node);
  },
  'files-put-back': (cluster, { node }) => {
    const putBack = cluster.copyFiles(node);
    return () => {
      cluster.host(node).process.die();
      putBack();
      cluster.startNode(node);
    };
  },
  'row-rotten': (cluster, { node, shard }) => spoiled(cluster, node, shard, { kind: 'flip-value', count: 1 }),
  'row-lost': (cluster, { node, key }) =>
    spoiled(cluster, node, shardOf(key, cluster.shards), { kind: 'drop-row', key, count: 1 }),
  'alien-row': (cluster, { node, shard }) => spoiled(cluster, node, shard, { kind: 'alien-row', count: 1 }),
  'leaf-spoilt': (cluster, { node, shard }) =>
    spoiled(cluster, node, shard, { kind: 'spoil-tree', count: 1 }),
  'event-skipped': (cluster, { node, shard, events: count }) =>
    spoiled(cluster, node, shard, { kind: 'skip-event', count }),
  'cursor-rewound': (cluster, { node, shard, batches: count }) =>
    spoiled(cluster, node, shard, { kind: 'rewind-cursor', count }),
  restart: (cluster, { node, forMs }) => {
    const program = cluster.program(node);
    program.stop(() => cluster.world.after(forMs, () => program.start()));
    return nothing;
  },
  pause: (cluster, { node, forMs }) => {
    cluster.program(node).process.hold(forMs);
    return nothing;
  },
  'slow-disk': (cluster, { node, syncMs }) => {
    const host = cluster.host(node);
    host.syncMs = syncMs;
    return () => {
      host.syncMs = 0;
    };
  },
  'no-way': ({ network }, { node, other }) => {
    network.setBlocked(node, other, true);
    return () => network.setBlocked(node, other, false);
  },
  'lossy-network': ({ network }, { loss, slowMs }) => {
    Object.assign(network, { lossy: loss, slowMs });
    return () => void Object.assign(network, { lossy: 0, slowMs: 0 });
  },
  'nats-cut': ({ nats }, { node }) => {
    const link = nats.links.get(node);
    if (link) link.isCut = true;
    link?.break();
    return () => {
      const now = nats.links.get(node);
      if (now) now.isCut = false;
      now?.mend();
    };
  },
  'nats-stall': ({ nats }, { node, forMs }) => {
    nats.links.get(node)?.stall(forMs);
    return nothing;
  },
  'nats-slow': (cluster, { node, slowMs }) => linkFault(cluster, node, { slowMs }),
  'nats-lossy': (cluster, { node, requests: loseRequest, answers: loseAnswer }) =>
    linkFault(cluster, node, { loseRequest, loseAnswer }),
  'leases-unheard': (cluster, { node, loss }) =>
    linkFault(cluster, node, { loseLease: 1, loseRequest: loss, loseAnswer: loss }),
  deliveries: (cluster, { node, drop, duplicate, reorder }) =>
    linkFault(cluster, node, { drop, duplicate, reorder }),
  'acks-lost': (cluster, { node, loss: loseAck }) => linkFault(cluster, node, { loseAck }),
  'nats-down': (cluster, { lost }) => {
    const { nats } = cluster;
    nats.stop();
    return () => {
      const shards = Array.from({ length: cluster.shards }, (_, shard) => shard);
      for (const shard of shards.filter((one) => nats.memory.has(one))) {
        if (lost === 'everything') nats.memory.deleteStream(shard);
        else if (typeof lost === 'number') nats.memory.goBack(shard, lost);
      }
      if (lost === 'everything' || lost === 'leases') nats.loseLeases();
      nats.start();
    };
  },
  'stream-deleted': ({ nats }, { shard }) => {
    if (nats.memory.has(shard)) nats.memory.deleteStream(shard);
    return nothing;
  },
  'stream-purged': ({ nats }, { shard }) => {
    if (nats.memory.has(shard)) nats.memory.purge(shard);
    return nothing;
  },
  'stream-trimmed': ({ nats }, { shard, messages }) => {
    if (nats.memory.has(shard)) nats.memory.dropFirst(shard, messages);
    return nothing;
  },
  'last-message-deleted': ({ nats }, { shard }) => {
    if (nats.memory.has(shard)) nats.memory.deleteLastMessage(shard);
    return nothing;
  },
  'consumer-deleted': ({ nats }, { shard, node }) => {
    if (nats.memory.has(shard)) nats.memory.deleteConsumer(shard, node);
    return nothing;
  },
  'leases-deleted': ({ nats }) => {
    nats.loseLeases();
    return nothing;
  },
};

function spoiled(cluster: Cluster, node: string, shard: number, header: InjectHeader): undefined {
  cluster.spoil(node, shard, header);
  return nothing;
}

function linkFault({ nats }: Cluster, node: string, faults: Partial<LinkFaults>): () => void {
  const link = nats.links.get(node);
  if (link) Object.assign(link.faults, faults);
  return () => {
    const well = Object.fromEntries(Object.keys(faults).map((name) => [name, 0]));
    const now = nats.links.get(node);
    if (now) Object.assign(now.faults, well);
  };
}

/** `tell` is called at the beginning and the end of each fault. */
export function schedule(
  cluster: Cluster,
  faults: readonly Fault[],
  tell: (fault: Fault, phase: 'begin' | 'end') => void,
): void {
  const { world } = cluster;
  for (const fault of faults) {
    world.at(fault.at, () => {
      world.note(`fault ${JSON.stringify(fault)}`);
      tell(fault, 'begin');
      const mend = (breaks[fault.kind] as (cluster: Cluster, fault: Fault) => (() => void) | undefined)(
        cluster,
        fault,
      );
      world.at(endOf(fault), () => {
        mend?.();
        tell(fault, 'end');
      });
    });
  }
}
