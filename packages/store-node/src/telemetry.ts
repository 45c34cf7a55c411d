/**
 * Every instrument of a store node: name, unit, buckets, meaning. Labels are bounded: shard numbers, names of
 * nodes and fixed words.
 */
import type { AckLevel, ExchangeAnswer, Proven } from '@driftless/contracts';
import type { Counter, Meter } from '@opentelemetry/api';

const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Drift may be found by the next event, or by an audit hours later. */
const secondsToHours = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400];

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
}

/** What anti-entropy does on this node. */
export interface AntiEntropyInstruments {
  /** Drift was found, `ms` after it came or could have come; `by` what found it. */
  detected(shard: number, by: string, ms: number): void;
  /** A replica is equal again, `ms` after its drift was found. */
  healed(shard: number, ms: number): void;
  exchanged(answer: ExchangeAnswer, mode: string): void;
  /** Rows fetched from a peer for repairs. */
  rowsShipped: Counter;
  /** Rows that were not repaired although they differ: healed too often. */
  stopped: Counter;
  /** Drift made on purpose, by kind. */
  injected: Counter;
}

export interface Instruments {
  driftEvents: Counter;
  corruptReads: Counter;
  gaps: Counter;
  orphans: Counter;
  orphansOffered: Counter;
  fenced: Counter;
  streamLosses: Counter;
  snapshotsInstalled: Counter;
  elections: Counter;
  setChanges: Counter;
  rowsCollected: Counter;
  antiEntropy: AntiEntropyInstruments;
  /** A batch was applied by a follower; `ms`: duration of check and commit. */
  applied(shard: number, result: 'applied' | 'duplicate' | 'drifted', operations: number, ms: number): void;
  /** Age of a batch, by the leader's wall clock, when it was applied; milliseconds. */
  lagAtApply(shard: number, ms: number): void;
  /** A batch was committed by a leader. */
  committed(shard: number, operations: number, bytes: number, ms: number): void;
  /** A write was answered at its ack level, or late. */
  written(shard: number, ack: AckLevel, ms: number): void;
}

export function createInstruments(meter: Meter, replicas: () => readonly ReplicaGauges[]): Instruments {
  const counter = (name: string, description: string): Counter => meter.createCounter(name, { description });
  const histogram = (name: string, description: string) =>
    meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: seconds } });
  const appliedOps = counter('replication_applied_operations_total', 'Operations from the stream, by result');
  const applySeconds = histogram('replication_apply_duration_seconds', 'Check and commit of one event');
  const lagSeconds = histogram('replication_lag_at_apply_seconds', 'Age of an event when it was applied');
  const commitSeconds = histogram('leader_commit_duration_seconds', 'One transaction of a leader');
  const committedOps = counter(
    'leader_committed_operations_total',
    'Operations committed by this node as leader',
  );
  const committedBytes = counter(
    'leader_committed_event_bytes_total',
    'Bytes of events made by this node as leader',
  );
  const writeSeconds = histogram(
    'leader_write_duration_seconds',
    'From arrival at the leader to the answer, by ack',
  );
  observeReplicas(meter, replicas);
  observeProven(meter, replicas);
  return {
    antiEntropy: antiEntropyInstruments(meter),
    driftEvents: counter('replication_drift_events_total', 'Digest checks that failed'),
    corruptReads: counter('store_corrupt_reads_total', 'Rows read whose bytes did not have their digest'),
    gaps: counter('replication_gaps_total', 'Events that came with operations missing before them'),
    orphans: counter(
      'replication_orphans_total',
      'Operations of a deposed leader that the history does not have',
    ),
    streamLosses: counter(
      'replication_stream_losses_total',
      'Times that the stream was found to have lost events',
    ),
    snapshotsInstalled: counter(
      'replica_snapshots_installed_total',
      'Snapshots that took the place of a replica',
    ),
    orphansOffered: counter('replication_orphans_offered_total', 'Orphans offered to the leader, by result'),
    fenced: counter('leader_fenced_publishes_total', 'Publishes refused because another epoch had begun'),
    elections: counter('leader_elections_won_total', 'Epochs begun by this node'),
    setChanges: counter('leader_set_changes_total', 'Changes of a replica set by this node as leader'),
    rowsCollected: counter(
      'leader_rows_collected_total',
      'Rows removed for good by this node as leader: tombstones and expired values',
    ),
    applied(shard, result, operations, ms) {
      appliedOps.add(operations, { shard: String(shard), result });
      if (result !== 'duplicate') applySeconds.record(ms / 1000, { shard: String(shard) });
    },
    lagAtApply: (shard, ms) => lagSeconds.record(ms / 1000, { shard: String(shard) }),
    committed(shard, operations, bytes, ms) {
      const labels = { shard: String(shard) };
      committedOps.add(operations, labels);
      committedBytes.add(bytes, labels);
      commitSeconds.record(ms / 1000, labels);
    },
    written: (shard, ack, ms) => writeSeconds.record(ms / 1000, { shard: String(shard), ack }),
  };
}

function antiEntropyInstruments(meter: Meter): AntiEntropyInstruments {
  const counter = (name: string, description: string): Counter => meter.createCounter(name, { description });
  const histogram = (name: string, description: string) =>
    meter.createHistogram(name, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: secondsToHours },
    });
  const detectSeconds = histogram('drift_time_to_detect_seconds', 'From drift until it was found, by what');
  const healSeconds = histogram('drift_time_to_heal_seconds', 'From found drift until equal again');
  const exchangeSeconds = histogram('anti_entropy_exchange_duration_seconds', 'One exchange, by outcome');
  const exchanges = counter('anti_entropy_exchanges_total', 'Comparisons with a peer, by mode and outcome');
  const compared = counter('anti_entropy_keys_compared_total', 'Rows compared one by one');
  const found = counter('anti_entropy_keys_different_total', 'Rows found to differ from those of a peer');
  const healed = counter('anti_entropy_keys_healed_total', 'Rows repaired');
  const leaves = counter('anti_entropy_leaves_rebuilt_total', 'Leaves of the tree made anew from rows');
  const bytes = counter('anti_entropy_received_bytes_total', 'Bytes that peers sent for exchanges');
  const valueBytes = counter('anti_entropy_shipped_value_bytes_total', 'Bytes of values among them');
  return {
    detected: (shard, by, ms) => detectSeconds.record(ms / 1000, { shard: String(shard), by }),
    healed: (shard, ms) => healSeconds.record(ms / 1000, { shard: String(shard) }),
    exchanged({ shard, outcome, counts, tookMs }, mode) {
      const labels = { shard: String(shard) };
      exchanges.add(1, { ...labels, mode, outcome });
      exchangeSeconds.record(tookMs / 1000, { ...labels, outcome });
      compared.add(counts.compared, labels);
      found.add(counts.found, labels);
      healed.add(counts.healed, labels);
      leaves.add(counts.leaves, labels);
      bytes.add(counts.bytesReceived, labels);
      valueBytes.add(counts.bytesShipped, labels);
    },
    rowsShipped: counter('anti_entropy_keys_shipped_total', 'Rows fetched from a peer for repairs'),
    stopped: counter('anti_entropy_keys_stopped_total', 'Rows left alone because they were healed too often'),
    injected: counter('injected_drift_total', 'Drift made on purpose, by kind'),
  };
}

/** Gauges. A value that isn't known is not observed, so that its series ends instead of lying. */
function observeReplicas(meter: Meter, replicas: () => readonly ReplicaGauges[]): void {
  const gauge = (
    name: string,
    description: string,
    read: (replica: ReplicaGauges) => number | undefined,
  ): void => {
    meter.createObservableGauge(name, { description }).addCallback((result) => {
      for (const replica of replicas()) {
        const value = read(replica);
        if (value !== undefined) result.observe(value, { shard: String(replica.shard) });
      }
    });
  };
  gauge(
    'replication_lag_seconds',
    'Age of the oldest operation not applied; 0 when caught up',
    (r) => r.lagSeconds,
  );
  gauge('replication_lag_operations', "Leader's seq minus applied seq", (r) => r.lagOps);
  gauge(
    'leader_outbox_operations',
    'Committed operations that the stream has not confirmed',
    (r) => r.outboxOps,
  );
  gauge('replica_leading', '1 while this replica leads its shard', (r) => Number(r.leading));
  gauge('replica_member', "1 while this replica is of its shard's set; 0: a copy that does not count", (r) =>
    Number(r.member),
  );
  gauge('shard_moving', '1 while the replica set of a shard led here is not what the members ask for', (r) =>
    r.moving === undefined ? undefined : Number(r.moving),
  );
  gauge('replica_drifted', '1 while this replica is not proven equal after a failed check', (r) =>
    Number(r.drifted),
  );
  gauge('replica_halted', '1 while this replica applies nothing more', (r) => Number(r.halted));
  gauge('replica_applied_seq', 'Last operation applied durably', (r) => r.appliedSeq);
  gauge('replica_log_bytes', 'Events kept in the log', (r) => r.logBytes);
  gauge(
    'leader_tombstones',
    'Deleted keys whose rows are kept until every member is proven equal past them; counted to 100,000',
    (r) => r.tombstones,
  );
  gauge('replica_quarantined_items', 'Rows and events set aside', (r) => r.quarantined);
  gauge('replica_orphans_kept', 'Orphaned operations kept', (r) => r.orphans);
  gauge('replica_suspect_buckets', 'Buckets found to hold something wrong', (r) => r.suspectBuckets);
  gauge('replica_scrub_round_ratio', 'How far the audit of all rows is in this round', (r) => {
    return r.scrubPercent / 100;
  });
  gauge(
    'replica_scrub_round_completed_timestamp_seconds',
    'When the last audit of all rows ended; absent before',
    (r) => r.scrubCompletedAt && r.scrubCompletedAt / 1000,
  );
}

/** What each replica has proven with each peer. */
function observeProven(meter: Meter, replicas: () => readonly ReplicaGauges[]): void {
  const gauge = (name: string, description: string, read: (proven: Proven) => number): void => {
    meter.createObservableGauge(name, { description }).addCallback((result) => {
      for (const { shard, proven } of replicas()) {
        for (const one of proven) result.observe(read(one), { shard: String(shard), peer: one.with });
      }
    });
  };
  gauge('replica_proven_seq', 'Position at which this replica was found equal to a peer', ({ position }) => {
    return position.seq;
  });
  gauge(
    'replica_proven_timestamp_seconds',
    'When this replica was found equal to a peer last',
    ({ at }) => at / 1000,
  );
}
