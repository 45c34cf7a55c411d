/** Puts the parts of a shard's replica together: its context, with the node's ports, and the limits. */
import { catchUpBytesMax, eventBytesMax, eventOperationsMax } from '@driftless/contracts';
import type { NodeConfig } from '../config.ts';
import { LagTracker } from '../core/lag.ts';
import { headEveryMs } from '../news.ts';
import type { NodePorts } from '../ports.ts';
import type { Instruments } from '../telemetry.ts';
import { ShardContext } from './context.ts';
import type { Peers } from './peers.ts';
import { type ReplicaHooks, ShardReplica } from './replica.ts';

/** Five heads that did not come, milliseconds. */
const headGapMs = 5 * headEveryMs;
/** Samples of heads that a replica keeps to tell its lag. */
const lagSamplesMax = 1024;

export interface AssemblyParts {
  config: NodeConfig;
  incarnation: string;
  ports: NodePorts;
  peers: Peers;
  instruments: Instruments;
}

export interface ReplicaPlace {
  shard: number;
  /** The set that the cluster began with; empty where this node was not of it. */
  founders: readonly string[];
  /** The nodes that should hold the shard now, the preferred leader first. */
  wanted(): readonly string[];
}

/** Opens the replica's files; it does nothing until it is started. */
export function assembleReplica(
  { config, incarnation, ports, peers, instruments }: AssemblyParts,
  { shard, founders, wanted }: ReplicaPlace,
  hooks: Omit<ReplicaHooks, 'natsIsLost'>,
): ShardReplica {
  const { clock, logger, leases, bus, traces } = ports;
  const { headSilentMs, nodeId: node } = config;
  const ackEveryEvents = Math.ceil(config.ackPendingMax / 4);
  const context = new ShardContext({
    shard,
    node,
    founders,
    wanted,
    files: ports.filesOf(shard),
    stream: ports.streamOf(shard),
    peers,
    clock,
    limits: { ...config, ackEveryEvents, eventOperationsMax, eventBytesMax, catchUpBytesMax },
    logger,
    traces,
    instruments,
    lag: new LagTracker({ headSilentMs, headGapMs, samplesMax: lagSamplesMax }),
    fail: ports.fail,
  });
  const natsIsLost = (): boolean => !bus.isConnected();
  return new ShardReplica(context, leases, { ...config, node, incarnation }, { natsIsLost, ...hooks });
}
