/**
 * Port: all that a node needs of the world, and what `main.ts` gives it: NATS, files, peers over HTTP, time.
 * A simulation gives it others, and so runs the very same node.
 */
import { existsSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Clock,
  type Logger,
  type NatsLink,
  systemClock,
  type Telemetry,
  type Tracing,
} from '@driftless/runtime';
import { JetStreamApiError, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import type { NodeConfig } from './config.ts';
import { AckedPublisher } from './jetstream/acked-publisher.ts';
import { checkClusterRecord, keepClusterRecord } from './jetstream/cluster-record.ts';
import { KvLeases } from './jetstream/leases.ts';
import { type EventStream, type LeaseStore, Unanswered } from './jetstream/port.ts';
import { JetStreamEvents } from './jetstream/stream.ts';
import { DiskMemberFile, type MemberFile } from './membership/member-file.ts';
import { HttpPeers, type Peers } from './shard/peers.ts';
import { Traces } from './shard/traces.ts';
import { CheckpointThread } from './sqlite/checkpoint-thread.ts';
import { ShardFiles } from './sqlite/files.ts';
import type { ReplicaFiles } from './store/port.ts';
import { createInstruments, type Instruments } from './telemetry.ts';
import type { NodeGauges } from './telemetry-gauges.ts';

/** News for whoever listens, at most once; and whether there is a link to NATS at all. */
export interface Bus {
  isConnected(): boolean;
  /** Calls `listener` whenever the link is back. */
  onConnected(listener: () => void): void;
  /** Dropped while the link is down: it would be stale when it is back. */
  publish(subject: string, message: unknown): void;
  /** `pattern` may have wildcards; `message` is not checked. */
  subscribe(pattern: string, onMessage: (message: unknown, subject: string) => void): void;
  /** Version of the server, where it is known. */
  readonly serverVersion: string | undefined;
}

export interface NodePorts {
  clock: Clock;
  logger: Logger;
  bus: Bus;
  leases: LeaseStore;
  streamOf(shard: number): EventStream;
  filesOf(shard: number): ReplicaFiles;
  memberFile: MemberFile;
  /** `urlOf`: where a member is reached, as far as it has told. */
  peers(urlOf: (node: string) => string | undefined): Peers;
  instruments(node: Omit<NodeGauges, 'volume'>): Instruments;
  /** Undefined where tracing is off. */
  traces?: Traces | undefined;
  /** Writes the cluster's record again where it is lost. */
  keepClusterRecord(): Promise<void>;
  /** Ends the process: a write to the disk failed, and nobody knows what reached it. */
  fail(error: unknown): void;
}

/** Window in which JetStream knows a message id again, milliseconds. */
const duplicateWindowMs = 120_000;

/**
 * The real ones, once JetStream answers: servers that have just started have no quorum at first. Throws
 * `ConfigError` when NATS knows this cluster as another one.
 */
export async function connectPorts(
  config: NodeConfig,
  link: NatsLink,
  logger: Logger,
  telemetry: Telemetry,
  tracing: Tracing | undefined,
): Promise<NodePorts> {
  for (;;) {
    try {
      return await openPorts(config, link, logger, telemetry, tracing);
    } catch (error) {
      if (link.nc.isClosed() || !mayAnswerLater(error)) throw error;
      logger.warn({ err: error }, 'JetStream does not answer yet, trying on');
      await systemClock.sleep(config.retryDelayMs);
    }
  }
}

/** https://github.com/nats-io/nats-server/blob/main/server/errors.json: no suitable peers, unavailable. */
const unavailableCodes = [10005, 10008];

function mayAnswerLater(error: unknown): boolean {
  if (error instanceof JetStreamApiError)
    return unavailableCodes.includes(error.code) || error.status === 503;
  const { TimeoutError, NoRespondersError, RequestError } = errors;
  return [TimeoutError, NoRespondersError, RequestError, Unanswered].some((kind) => error instanceof kind);
}

async function openPorts(
  config: NodeConfig,
  link: NatsLink,
  logger: Logger,
  telemetry: Telemetry,
  tracing: Tracing | undefined,
): Promise<NodePorts> {
  const connection = link.nc;
  const clock = systemClock;
  await checkClusterRecord(connection, config);
  const leases = await KvLeases.open(connection, {
    cluster: config.cluster,
    shardCount: config.shards,
    streamReplicas: config.streamReplicas,
    requestTimeoutMs: config.leaseMarginMs,
    rewatchMs: config.retryDelayMs,
    clock,
    onWatchBroken: (error) => logger.warn({ err: error }, 'the watch of the leases broke; watching anew'),
  });
  const js = jetstream(connection);
  const jsm = await jetstreamManager(connection, { checkAPI: false });
  const publisher = new AckedPublisher(connection, clock, config.publishTimeoutMs);
  const directory = join(config.dataDir, 'nodes', config.nodeId);
  const thread = new CheckpointThread();
  return {
    clock,
    logger,
    bus: natsBus(link, logger),
    leases,
    streamOf: (shard) =>
      new JetStreamEvents(js, jsm, publisher, { ...config, shard, node: config.nodeId, duplicateWindowMs }),
    filesOf: (shard) => {
      const onDamage = (reason: string): void => {
        const message = 'the file of this replica is damaged and was set aside; peers will fill a new one';
        logger.error({ shard, reason }, message);
      };
      const onError = (error: Error): void =>
        logger.warn({ shard, err: error }, 'a checkpoint failed; the next one takes what it left');
      return new ShardFiles({ ...config, directory, shard, onDamage, checkpoints: { thread, onError } });
    },
    memberFile: new DiskMemberFile(join(directory, 'members.json')),
    peers: (urlOf) =>
      new HttpPeers({
        urlOf,
        timeoutMs: config.peerTimeoutMs,
        onFault: (peer, error) => logger.warn({ peer, err: error }, 'a peer did not answer'),
      }),
    instruments: (node) => createInstruments(telemetry, { ...node, volume: () => volumeOf(directory) }),
    traces: tracing && new Traces(tracing, config.cluster),
    keepClusterRecord: async () => void (await keepClusterRecord(connection, config)),
    // Where nobody can catch it: the process logs it as fatal and exits.
    fail: (error) =>
      process.nextTick(() => {
        throw error;
      }),
  };
}

/** Undefined before there is anything. */
function volumeOf(directory: string): { freeBytes: number; sizeBytes: number } | undefined {
  if (!existsSync(directory)) return undefined;
  const { bsize, bavail, blocks } = statfsSync(directory);
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
}

function natsBus(link: NatsLink, logger: Logger): Bus {
  return {
    isConnected: () => link.isConnected(),
    onConnected(listener) {
      link.onStatus(({ type }) => {
        if (type === 'connected') listener();
      });
    },
    publish(subject, message) {
      if (link.isConnected()) link.nc.publish(subject, JSON.stringify(message));
    },
    subscribe(pattern, onMessage) {
      link.nc.subscribe(pattern, {
        callback: (error, message) => {
          if (error) logger.warn({ subject: pattern, err: error }, 'a subscription met an error');
          else onMessage(message.json(), message.subject);
        },
      });
    },
    get serverVersion() {
      return link.nc.info?.version;
    },
  };
}
