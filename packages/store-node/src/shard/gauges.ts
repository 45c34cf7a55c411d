/** What the gauges of telemetry.ts show of a replica, read when they are scraped. */
import { isDrifted, isSettling } from '../core/state.ts';
import type { FollowerLag, ReplicaGauges } from '../telemetry-gauges.ts';
import { standingOf } from './reader.ts';
import type { ShardReplica } from './replica.ts';

/** Tombstones that are counted: more are many, and a count looks at each. */
const tombstonesCountedMax = 100_000;

export function gaugesOf(replica: ShardReplica): ReplicaGauges {
  const { state, halted, restoring, store, files, shard, soundness, proven } = replica.context;
  const { lagMs, lagOps } = standingOf(replica);
  return {
    shard,
    lagSeconds: lagMs === undefined ? undefined : lagMs / 1000,
    lagOps,
    outboxOps: replica.leader?.outboxOps,
    leading: replica.leader !== undefined,
    member: replica.context.isMember,
    moving: replica.leader && replica.context.move?.doing !== undefined,
    drifted: isDrifted(state),
    suspectBuckets: soundness.suspectCount,
    scrubPercent: replica.scrub.progress.percent,
    scrubCompletedAt: replica.scrub.progress.lastCompletedAt,
    proven: [...proven.values()],
    halted: halted !== undefined,
    appliedSeq: state.applied.seq,
    logBytes: store.logBytes(),
    tombstones: replica.leader && store.tombstones(tombstonesCountedMax),
    ready: replica.isOpen && halted === undefined && !restoring && !isDrifted(state) && !isSettling(state),
    applyQueueEvents: replica.applyQueueEvents,
    files: files.sizes(),
    followers: followersOf(replica),
    ...store.counts(),
  };
}

function followersOf({ leader, context }: ShardReplica): FollowerLag[] | undefined {
  const { members, node, told, clock } = context;
  const others = members.filter((member) => member !== node);
  return (
    leader &&
    others.map((member) => {
      const { ops, ms } = leader.convergence.lagOf(member, told, clock.monotonic());
      return { node: member, ops, seconds: ms / 1000 };
    })
  );
}
