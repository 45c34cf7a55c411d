/**
 * What a store node shows of itself when somebody scrapes: positions, lag, files. A value that isn't known is
 * not told, so that its series ends instead of lying.
 */
import type { Proven } from '@driftless/contracts';
import type { Observe, Telemetry } from '@driftless/runtime';

/** What the gauges show, read when they are scraped. */
export interface ReplicaGauges {
  shard: number;
  lagSeconds: number | undefined;
  lagOps: number | undefined;
  outboxOps: number | undefined;
  leading: boolean;
  /** It is of its shard's replica set. */
  member: boolean;
  /** Leader: the set is not what the members ask for; undefined elsewhere. */
  moving: boolean | undefined;
  drifted: boolean;
  halted: boolean;
  appliedSeq: number;
  logBytes: number;
  /** Leader: deleted keys whose rows are kept; undefined elsewhere. */
  tombstones: number | undefined;
  quarantined: number;
  orphans: number;
  suspectBuckets: number;
  scrubPercent: number;
  /** Milliseconds since the Unix epoch; undefined before the first round has ended. */
  scrubCompletedAt: number | undefined;
  proven: readonly Proven[];
  /** Started, and healthy: it may serve reads. */
  ready: boolean;
  applyQueueEvents: number;
  /** Absent where the files are no files. */
  files: { db: number; wal: number } | undefined;
  /** Leader: of each other member, what it is not known to have applied. */
  followers: readonly FollowerLag[] | undefined;
}

export interface FollowerLag {
  node: string;
  /** Absent while it has told nothing of the leader's epoch. */
  ops: number | undefined;
  seconds: number;
}

/** What the gauges of a node show besides its replicas. */
export interface NodeGauges {
  replicas(): readonly ReplicaGauges[];
  /** Absent where the files are no files. */
  volume(): { freeBytes: number; sizeBytes: number } | undefined;
  /** How long ago each other node was last heard of, seconds. */
  silences(): readonly { node: string; seconds: number }[];
}

/** Puts a gauge of each replica on the node: its name, its unit, what it says. */
type ReplicaGauge = (
  name: string,
  unit: string,
  description: string,
  read: (replica: ReplicaGauges) => number | undefined,
) => void;

export function observeNode(telemetry: Telemetry, node: NodeGauges): void {
  const gauge: ReplicaGauge = (name, unit, description, read) => {
    telemetry.gauge(name, { unit, description, labels: ['shard'] }, (observe) => {
      for (const replica of node.replicas()) {
        const value = read(replica);
        if (value !== undefined) observe(value, { shard: String(replica.shard) });
      }
    });
  };
  observeLag(gauge);
  observeRole(gauge);
  observeHealth(gauge);
  observeScrub(gauge);
  observeFollowers(telemetry, node);
  observeProven(telemetry, node);
  observeFiles(telemetry, node);
  observeOthers(telemetry, node);
}

function observeLag(gauge: ReplicaGauge): void {
  gauge(
    'replication_lag_seconds',
    'seconds',
    'Age of the oldest operation not applied; 0 when caught up, absent when unknown',
    (r) => r.lagSeconds,
  );
  gauge(
    'replication_lag_operations',
    'operations',
    "Leader's seq minus applied seq; absent when unknown",
    (r) => r.lagOps,
  );
  gauge('replica_applied_seq', 'operations', 'Last operation applied durably', (r) => r.appliedSeq);
  gauge(
    'follower_apply_queue_events',
    'events',
    'Events that came from the stream and wait to be applied',
    (r) => r.applyQueueEvents,
  );
}

function observeRole(gauge: ReplicaGauge): void {
  gauge(
    'leader_outbox_operations',
    'operations',
    'Committed operations that the stream has not confirmed; only where it leads',
    (r) => r.outboxOps,
  );
  gauge('replica_leading', 'replicas', '1 while this replica leads its shard', (r) => Number(r.leading));
  gauge(
    'replica_member',
    'replicas',
    "1 while this replica is of its shard's set; 0: a copy that does not count",
    (r) => Number(r.member),
  );
  gauge(
    'shard_moving',
    'shards',
    '1 while the replica set of a shard led here is not what the members ask for',
    (r) => (r.moving === undefined ? undefined : Number(r.moving)),
  );
  gauge(
    'leader_tombstones',
    'rows',
    'Deleted keys whose rows are kept until every member is proven equal past them; counted to 100,000',
    (r) => r.tombstones,
  );
}

function observeHealth(gauge: ReplicaGauge): void {
  gauge('replica_ready', 'replicas', '1 while this replica is healthy and serves reads', (r) =>
    Number(r.ready),
  );
  gauge('replica_drifted', 'replicas', '1 while it is not proven equal after a failed check', (r) =>
    Number(r.drifted),
  );
  gauge('replica_halted', 'replicas', '1 while this replica applies nothing more', (r) => Number(r.halted));
  gauge('replica_log_bytes', 'bytes', 'Events kept in the log', (r) => r.logBytes);
  gauge('replica_quarantined_items', 'items', 'Rows and events set aside', (r) => r.quarantined);
  gauge('replica_orphans_kept', 'operations', 'Orphaned operations kept', (r) => r.orphans);
  gauge('replica_suspect_buckets', 'buckets', 'Buckets found to hold something wrong', (r) => {
    return r.suspectBuckets;
  });
}

function observeScrub(gauge: ReplicaGauge): void {
  gauge('replica_scrub_round_ratio', 'ratio', 'How far the audit of all rows is in this round', (r) => {
    return r.scrubPercent / 100;
  });
  gauge(
    'replica_scrub_round_completed_timestamp_seconds',
    'seconds',
    'When the last audit of all rows ended, in seconds since the epoch; absent before',
    (r) => r.scrubCompletedAt && r.scrubCompletedAt / 1000,
  );
}

/** The leader's view of the others: it shows a follower that cannot show itself. */
function observeFollowers(telemetry: Telemetry, node: NodeGauges): void {
  const gauge = (
    name: string,
    unit: string,
    description: string,
    read: (follower: FollowerLag) => number | undefined,
  ): void => {
    telemetry.gauge(name, { unit, description, labels: ['shard', 'node'] }, (observe) => {
      for (const { shard, followers = [] } of node.replicas()) {
        for (const follower of followers) {
          const value = read(follower);
          if (value !== undefined) observe(value, { shard: String(shard), node: follower.node });
        }
      }
    });
  };
  gauge(
    'leader_follower_lag_seconds',
    'seconds',
    'By the leader: age of the oldest commit of its epoch that a member has not told to have on its disk',
    ({ seconds }) => seconds,
  );
  gauge(
    'leader_follower_lag_operations',
    'operations',
    'By the leader: operations that a member has not told to have on its disk; absent when unknown',
    ({ ops }) => ops,
  );
}

/** What each replica has proven with each peer. */
function observeProven(telemetry: Telemetry, node: NodeGauges): void {
  const gauge = (name: string, unit: string, description: string, read: (proven: Proven) => number): void => {
    telemetry.gauge(name, { unit, description, labels: ['shard', 'peer'] }, (observe) => {
      for (const { shard, proven } of node.replicas()) {
        for (const one of proven) observe(read(one), { shard: String(shard), peer: one.with });
      }
    });
  };
  gauge(
    'replica_proven_seq',
    'operations',
    'Position at which this replica was found equal to a peer',
    ({ position }) => position.seq,
  );
  gauge(
    'replica_proven_timestamp_seconds',
    'seconds',
    'When this replica was found equal to a peer last, in seconds since the epoch',
    ({ at }) => at / 1000,
  );
}

function observeFiles(telemetry: Telemetry, node: NodeGauges): void {
  telemetry.gauge(
    'store_file_bytes',
    {
      unit: 'bytes',
      description: 'Size of the files of a replica: its database (db) and the log before it (wal)',
      labels: ['shard', 'file'],
    },
    (observe) => {
      for (const { shard, files } of node.replicas()) {
        for (const [file, bytes] of Object.entries(files ?? {}))
          observe(bytes, { shard: String(shard), file });
      }
    },
  );
  const volume = (name: string, description: string, key: 'freeBytes' | 'sizeBytes'): void =>
    telemetry.gauge(name, { unit: 'bytes', description }, (observe: Observe) => {
      const bytes = node.volume()?.[key];
      if (bytes !== undefined) observe(bytes);
    });
  volume('store_volume_free_bytes', 'Room left to this process on the volume of the data', 'freeBytes');
  volume('store_volume_size_bytes', 'Size of the volume of the data', 'sizeBytes');
}

function observeOthers(telemetry: Telemetry, node: NodeGauges): void {
  telemetry.gauge(
    'peer_silent_seconds',
    {
      unit: 'seconds',
      description: 'How long ago this node heard of another one last, which tells every half second',
      labels: ['node'],
    },
    (observe) => {
      for (const { node: name, seconds } of node.silences()) observe(seconds, { node: name });
    },
  );
}
