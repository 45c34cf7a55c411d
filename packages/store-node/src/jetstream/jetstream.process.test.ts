import { consumerName, type Lease, streamName } from '@driftless/contracts';
import { systemClock, waitUntil } from '@driftless/runtime';
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NatsServer } from '../testing/nats-server.ts';
import { leaseCases, leaseShards, type NatsSubject, streamCases } from './acceptance.ts';
import { AckedPublisher } from './acked-publisher.ts';
import { KvLeases } from './leases.ts';
import type { LeaseStore, StreamMessage } from './port.ts';
import { JetStreamEvents } from './stream.ts';

const publishTimeoutMs = 2000;

let server: NatsServer;
let connection: NatsConnection;
let jsm: JetStreamManager;
let clusters = 0;
let broken: Error[] = [];
const watches: { stop(): void }[] = [];

beforeAll(async () => {
  server = await NatsServer.start();
  connection = await server.connect();
  jsm = await jetstreamManager(connection);
});
afterAll(async () => {
  for (const watch of watches) watch.stop();
  await server.dispose();
});

/** Every case has a cluster's name to itself. */
function subject(): NatsSubject {
  clusters += 1;
  const cluster = `test-${clusters}`;
  const stream = streamName(cluster, 0);
  return {
    stream: (node) => eventsOf(cluster, node),
    leases: () => leasesOf(cluster),
    deleteStream: async () => void (await jsm.streams.delete(stream)),
    deleteConsumer: async (node) => void (await jsm.consumers.delete(stream, consumerName(node))),
    purge: async () => void (await jsm.streams.purge(stream)),
    deleteLastMessage: async () => {
      const { state } = await jsm.streams.info(stream);
      await jsm.streams.deleteMessage(stream, state.last_seq);
    },
    // By itself, after `ackWaitMs`.
    ackTimePasses: async () => {},
  };
}

function eventsOf(cluster: string, node: string): JetStreamEvents {
  const publisher = new AckedPublisher(connection, systemClock, publishTimeoutMs);
  return new JetStreamEvents(jetstream(connection), jsm, publisher, {
    cluster,
    shard: 0,
    node,
    streamReplicas: 1,
    streamBytesMax: 64 * 1024 * 1024,
    streamAgeMaxMs: 3_600_000,
    duplicateWindowMs: 120_000,
    ackPendingMax: 128,
    ackWaitMs: 1000,
  });
}

async function leasesOf(cluster: string): Promise<LeaseStore> {
  const leases = await KvLeases.open(connection, {
    clock: systemClock,
    cluster,
    shardCount: leaseShards,
    streamReplicas: 1,
    requestTimeoutMs: 1000,
    rewatchMs: 50,
    onWatchBroken: (error) => void broken.push(error),
  });
  return {
    read: (shard) => leases.read(shard),
    write: (shard, lease, revision) => leases.write(shard, lease, revision),
    watch: async (onLease) => {
      const watch = await leases.watch(onLease);
      watches.push(watch);
      return watch;
    },
  };
}

const lease = (epoch: number): Lease => {
  return { holder: 'a', incarnation: 'life', epoch, ttlMs: 4000, next: null };
};
const until = <T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> => {
  return waitUntil(condition, { timeoutMs: 30_000, intervalMs: 20, what });
};

describe('a stream on JetStream', () => {
  it.each(Object.entries(streamCases))('%s', (_, check) => check(subject()));
});

describe('leases on JetStream', () => {
  it.each(Object.entries(leaseCases))('%s', (_, check) => check(subject()));
});

describe('a server that is killed and comes back', () => {
  it('is consumed on, and its fence holds', async () => {
    const { stream } = subject();
    const [leader, seqs] = [stream('leader'), [] as number[]];
    const batch = (seq: number) => ({
      event: Buffer.from('x'),
      epoch: 1,
      firstSeq: seq,
      lastSeq: seq,
      expectedStreamSeq: seq - 1,
      after: seq > 1 ? { epoch: 1, firstSeq: seq - 1 } : undefined,
    });
    const { createdAt } = await leader.ensure();
    await leader.publish(batch(1));
    const onMessage = ({ streamSeq, ack }: StreamMessage): void => {
      seqs.push(streamSeq);
      ack();
    };
    let ended = 0;
    const consume = (): Promise<unknown> => {
      return stream('a').consume({
        fromStreamSeq: (seqs.at(-1) ?? 0) + 1,
        onMessage,
        onEnd: () => {
          ended += 1;
        },
      });
    };
    await consume();
    await until('the first message', () => seqs.length === 1);
    await server.kill();
    await expect(leader.publish(batch(2))).rejects.toThrow();
    await server.start();
    const { streamSeq } = await until('the end to be readable', () => leader.end());
    expect(await leader.ensure()).toEqual({ createdAt, lastStreamSeq: streamSeq });
    // The publish without an answer may have come through when the link was back.
    for (let seq = streamSeq + 1; seq <= 4; seq += 1) await leader.publish(batch(seq));
    await until('the rest', async () => {
      if (ended > 0) await consume();
      ended = 0;
      return seqs.includes(4);
    });
    // The server may have lost an ack: then it gives out once more.
    expect([...new Set(seqs)]).toEqual([1, 2, 3, 4]);
  });

  it('has its leases watched on', async () => {
    const leases = await subject().leases('a');
    const told: number[] = [];
    const revision = await leases.write(0, lease(1), 0);
    const watch = await leases.watch((shard, { lease }) => {
      if (shard === 0 && lease) told.push(lease.epoch);
    });
    await until('the lease', () => told.includes(1));
    await server.kill();
    await server.start();
    const next = await until('a renewal', () =>
      leases.write(0, lease(2), revision ?? 0).catch(() => undefined),
    );
    await until('the renewal to be told', () => told.includes(2));
    await leases.write(0, lease(3), next);
    await until('the next one to be told', () => told.includes(3));
    watch.stop();
  });

  it('has them watched on when it has lost them', async () => {
    const leases = await subject().leases('a');
    const told: number[] = [];
    await leases.write(0, lease(1), 0);
    await leases.watch((shard, { lease }) => {
      if (shard === 0 && lease) told.push(lease.epoch);
    });
    await until('the lease', () => told.includes(1));
    broken = [];
    await jsm.streams.delete(`KV_driftless-test-${clusters}-leases`);
    await until('a claim on the new bucket', () => leases.write(0, lease(7), 0).catch(() => undefined));
    // A candidate that waited its time, claims, and is refused, looks what is there.
    await leases.read(0);
    await until('the claim to be told', () => told.includes(7));
    const { revision } = await leases.read(0);
    await leases.write(0, lease(8), revision);
    await until('the next one to be told', () => told.includes(8));
  });
});
