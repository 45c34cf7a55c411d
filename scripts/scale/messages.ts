/**
 * The messages that processes tell each other, as large as they are on an ordinary day: each is built by hand
 * with ordinary values and has passed the schema that the processes themselves read it by. Sizes are of the
 * payload: NATS and HTTP add their own lines to it.
 */
import { Buffer } from 'node:buffer';
import {
  appliedMessageSchema,
  captureAnswerSchema,
  captureHeaderSchema,
  exchangeAnswerSchema,
  exchangeHeaderSchema,
  headMessageSchema,
  leaseSchema,
  type MemberList,
  type NodeStatus,
  nodeStatusSchema,
  type Position,
  type ReplicaStatus,
  verifiedHeaderSchema,
} from '@driftless/contracts';
import type { Placement } from './shape.ts';

/** Where a shard that was written a thousand million times may stand; and the time of day, on every clock. */
export const ordinaryPosition: Position = { epoch: 12, seq: 1_234_567_890 };
const applied = ordinaryPosition;
const wall = 1_795_000_000_000;
const iso = new Date(wall).toISOString();
/** As JetStream says it. */
const streamCreatedAt = iso.replace('Z', '123456Z');
const root = '0123456789abcdef'.repeat(2);
const incarnation = '0b0f9a52-6a53-4d3c-9f52-2f5b6b0d7a11';

/** What a healthy node tells of itself. */
export function statusOf(node: string, placement: Placement, members: MemberList): NodeStatus {
  const shards = placement.flatMap((set, shard) => (set.includes(node) ? [replicaOf(node, shard, set)] : []));
  return nodeStatusSchema.parse({
    node,
    incarnation,
    url: `http://${node}.store:7101`,
    startedAt: iso,
    natsVersion: '2.14.0',
    natsConnected: true,
    toldAt: 123_456_789.012345,
    natsRoundTripMs: 1.234567,
    draining: false,
    members,
    shards,
  });
}

function replicaOf(node: string, shard: number, set: readonly string[]): ReplicaStatus {
  const [leader] = set as [string];
  const leads = leader === node;
  const proven = set
    .filter((other) => other !== node)
    .map((other) => ({ with: other, position: applied, at: wall }));
  return {
    shard,
    role: leads ? 'leading' : 'following',
    health: 'healthy',
    leader,
    members: [...set],
    ...(leads && { move: { settled: true }, confirmedSeq: applied.seq, outboxOps: 0 }),
    applied,
    root,
    scrub: { percent: 42, lastCompletedAt: wall },
    // An exchange is recorded where it is asked for: at followers, which compare themselves with the leader.
    ...(!leads && { proven: proven.filter((pair) => pair.with === leader) }),
    lagOps: 0,
    lagMs: 0,
    log: { firstSeq: applied.seq - 200_000, lastSeq: applied.seq },
    stream: { seq: 123_456_789, createdAt: streamCreatedAt },
    counts: { driftEvents: 0, corruptRows: 0, gaps: 0, quarantined: 0, orphans: 0 },
  };
}

export function headBytes(node: string): number {
  return sizeOf(headMessageSchema.parse({ node, ...applied, committedAt: wall }));
}

export function appliedBytes(node: string): number {
  return sizeOf(appliedMessageSchema.parse({ node, ...applied }));
}

export function leaseBytes(holder: string, ttlMs: number): number {
  const lease = { holder, incarnation, epoch: applied.epoch, ttlMs, next: null };
  return sizeOf(leaseSchema.parse(lease));
}

/**
 * All that is said for one pair of replicas that are equal: the order to compare, the question for a capture
 * and its answer, the answer to the order; and the word to the leader, which a round gives once.
 */
export function equalPairBytes(set: readonly string[]): number {
  const [leader, node] = set as [string, string];
  const captured = { captured: true, id: `${wall}-1`, position: applied, root, tree: root, drift: root };
  const limits = { keysMax: 10_000, bytesMax: 64 * 1024 * 1024 };
  const nothing = { repair: 0, budget: 0, keep: 0, wait: 0, undecided: 0, stopped: 0 };
  const counts = { found: 0, compared: 0, healed: 0, leaves: 0, bytesReceived: 0, bytesShipped: 0 };
  const answer = {
    ...{ node, with: leader, shard: 0, outcome: 'equal', position: applied, root, theirRoot: root },
    ...{ differences: [], counts, left: { ...nothing, ourLeaves: 0, theirLeaves: 0 }, tookMs: 12 },
  };
  const parts = [
    exchangeHeaderSchema.parse({ with: leader, mode: 'heal', rung: 'key', buckets: [], ...limits }),
    captureHeaderSchema.parse({ atSeq: applied.seq, waitMs: 2_000 }),
    captureAnswerSchema.parse(captured),
    exchangeAnswerSchema.parse(answer),
  ];
  return parts.reduce((sum, part) => sum + sizeOf(part), 0);
}

export function verifiedBytes(members: readonly string[]): number {
  return sizeOf(verifiedHeaderSchema.parse({ position: applied, members: [...members] }));
}

/** What is on the wire: every message is JSON. */
export function sizeOf(message: unknown): number {
  return Buffer.byteLength(JSON.stringify(message));
}
