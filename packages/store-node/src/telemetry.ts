/**
 * Every instrument of a store node: name, unit, labels, buckets, meaning. Labels are bounded: shard numbers,
 * names of nodes and fixed words. What is only looked at when somebody scrapes stands in telemetry-gauges.ts.
 */
import {
  type AckLevel,
  type ErrorCode,
  type ExchangeAnswer,
  type ReadLevel,
  readLevelSchema,
} from '@driftless/contracts';
import { DURATION_SECONDS_BUCKETS as seconds, type Telemetry } from '@driftless/runtime';
import type { Counter } from '@opentelemetry/api';
import { type NodeGauges, observeNode } from './telemetry-gauges.ts';

/** Lag lasts as long as what causes it; 30 minutes is what an alert asks for. */
const lagBuckets = [...seconds, 60, 300, 900, 1800, 3600, 14_400];
/** Drift may be found by the next event, or by an audit hours later. */
const secondsToHours = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400];

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

/** What became of a read at this replica. */
export type ReadOutcomeName =
  | 'served'
  | 'stale-refused'
  | 'session-behind'
  | 'not-leader'
  | 'unavailable'
  | 'failed';

/** What the store does: a transaction, one of the cursor alone, or a sync of all before it. */
export type StoreWork = 'commit' | 'cursor' | 'sync';

export interface Instruments {
  /** The node has a replica of this shard: what is counted of it begins at 0, so that the first one shows. */
  opened(shard: number): void;
  driftEvents: Counter;
  corruptReads: Counter;
  gaps: Counter;
  deadLetters: Counter;
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
  /** A batch was applied durably by every member, `ms` after its commit. */
  converged(shard: number, ms: number): void;
  stored(shard: number, kind: StoreWork, ms: number): void;
  /** `error`: undefined when it was served, whether or not there was a value. */
  read(level: ReadLevel, error: ErrorCode | undefined): void;
  /** A read has waited until the replica had what its session has seen. */
  sessionWaited(reached: boolean, ms: number): void;
}

export function createInstruments(telemetry: Telemetry, node: NodeGauges): Instruments {
  const ofShard: Counter[] = [];
  const counter = (name: string, unit: string, description: string, more?: readonly string[]): Counter => {
    const made = telemetry.counter(name, { unit, description, labels: ['shard', ...(more ?? [])] });
    if (more === undefined) ofShard.push(made);
    return made;
  };
  observeNode(telemetry, node);
  return {
    opened(shard) {
      for (const made of ofShard) made.add(0, { shard: String(shard) });
    },
    antiEntropy: antiEntropyInstruments(telemetry),
    driftEvents: counter('replication_drift_events_total', 'checks', 'Digest checks that failed'),
    corruptReads: counter(
      'store_corrupt_reads_total',
      'rows',
      'Rows read whose bytes did not have their digest',
    ),
    gaps: counter('replication_gaps_total', 'events', 'Events that came with operations missing before them'),
    deadLetters: counter(
      'replication_dead_letters_total',
      'events',
      'Events that could not be decoded: kept in quarantine, and the replica halts',
    ),
    orphans: counter(
      'replication_orphans_total',
      'operations',
      'Operations of a deposed leader that the history does not have',
    ),
    streamLosses: counter(
      'replication_stream_losses_total',
      'losses',
      'Times that the stream was found to have lost events',
    ),
    snapshotsInstalled: counter(
      'replica_snapshots_installed_total',
      'snapshots',
      'Snapshots that took the place of a replica',
    ),
    orphansOffered: counter(
      'replication_orphans_offered_total',
      'operations',
      'Orphans offered to the leader, by result',
      ['result'],
    ),
    fenced: counter(
      'leader_fenced_publishes_total',
      'publishes',
      'Publishes refused because another epoch had begun',
    ),
    elections: counter('leader_elections_won_total', 'elections', 'Epochs begun by this node'),
    setChanges: counter(
      'leader_set_changes_total',
      'changes',
      'Changes of a replica set by this node as leader',
    ),
    rowsCollected: counter(
      'leader_rows_collected_total',
      'rows',
      'Rows removed for good by this node as leader: tombstones and expired values',
      ['kind'],
    ),
    ...replicationInstruments(telemetry),
    ...leaderInstruments(telemetry),
    ...storeInstruments(telemetry),
    ...readInstruments(telemetry),
  };
}

function replicationInstruments(telemetry: Telemetry): Pick<Instruments, 'applied' | 'lagAtApply'> {
  const appliedOps = telemetry.keptCounter('replication_applied_operations_total', {
    description: 'Operations from the stream, by result: applied, duplicate (skipped), drifted',
    unit: 'operations',
    labels: ['shard', 'result'],
  });
  const applySeconds = telemetry.histogram('replication_apply_duration_seconds', {
    description: 'Check and commit of one event',
    unit: 'seconds',
    labels: ['shard'],
    buckets: seconds,
  });
  const lagSeconds = telemetry.histogram('replication_lag_at_apply_seconds', {
    description: 'Age of an event when it was applied, by the clocks of the leader and this node',
    unit: 'seconds',
    labels: ['shard'],
    buckets: lagBuckets,
  });
  return {
    applied(shard, result, operations, ms) {
      appliedOps.at(shard, result).add(operations);
      if (result !== 'duplicate') applySeconds.at(shard).record(ms / 1000);
    },
    lagAtApply: (shard, ms) => lagSeconds.at(shard).record(ms / 1000),
  };
}

function leaderInstruments(telemetry: Telemetry): Pick<Instruments, 'committed' | 'written' | 'converged'> {
  const commitSeconds = telemetry.histogram('leader_commit_duration_seconds', {
    description: 'From the plan of one batch of a leader until it is on its disk',
    unit: 'seconds',
    labels: ['shard'],
    buckets: seconds,
  });
  const committedOps = telemetry.keptCounter('leader_committed_operations_total', {
    description: 'Operations committed by this node as leader',
    unit: 'operations',
    labels: ['shard'],
  });
  const committedBytes = telemetry.keptCounter('leader_committed_event_bytes_total', {
    description: 'Bytes of events made by this node as leader',
    unit: 'bytes',
    labels: ['shard'],
  });
  const writeSeconds = telemetry.histogram('leader_write_duration_seconds', {
    description: 'From arrival at the leader to the answer, by ack',
    unit: 'seconds',
    labels: ['shard', 'ack'],
    buckets: seconds,
  });
  const convergence = telemetry.histogram('replication_convergence_seconds', {
    description:
      'From a commit of this node as leader until every member has told that it is on its disk; ' +
      'commits within 10 ms count as one',
    unit: 'seconds',
    labels: ['shard'],
    buckets: lagBuckets,
  });
  return {
    committed(shard, operations, bytes, ms) {
      committedOps.at(shard).add(operations);
      committedBytes.at(shard).add(bytes);
      commitSeconds.at(shard).record(ms / 1000);
    },
    written: (shard, ack, ms) => writeSeconds.at(shard, ack).record(ms / 1000),
    converged: (shard, ms) => convergence.at(shard).record(ms / 1000),
  };
}

function storeInstruments(telemetry: Telemetry): Pick<Instruments, 'stored'> {
  const transactions = telemetry.histogram('store_transaction_duration_seconds', {
    description:
      'Time in SQLite: commits, which are written and not yet on disk; writes of the cursor alone; and ' +
      'syncs, which put all before them on disk. The sum by time is how busy the store is',
    unit: 'seconds',
    labels: ['shard', 'kind'],
    buckets: seconds,
  });
  return { stored: (shard, kind, ms) => transactions.at(shard, kind).record(ms / 1000) };
}

const readOutcomes: Partial<Record<ErrorCode, ReadOutcomeName>> = {
  'too-stale': 'stale-refused',
  'session-behind': 'session-behind',
  'not-leader': 'not-leader',
  'replica-unavailable': 'unavailable',
};

function readInstruments(telemetry: Telemetry): Pick<Instruments, 'read' | 'sessionWaited'> {
  const reads = telemetry.keptCounter('reads_total', {
    description:
      'Keys asked of this node by gateways, by level and result: served, stale-refused, session-behind, ' +
      'not-leader, unavailable, failed',
    unit: 'reads',
    labels: ['level', 'result'],
  });
  const levels = readLevelSchema.options;
  const served = new Map(levels.map((level) => [level, reads.at(level, 'served')]));
  for (const level of levels) for (const result of Object.values(readOutcomes)) reads.at(level, result);
  const waits = telemetry.histogram('session_wait_duration_seconds', {
    description: 'How long reads have waited for what their session has seen: reached, or behind at the end',
    unit: 'seconds',
    labels: ['result'],
    buckets: seconds,
  });
  const [reached, behind] = [waits.at('reached'), waits.at('behind')];
  return {
    read(level, error) {
      if (error === undefined) served.get(level)?.add(1);
      else reads.at(level, readOutcomes[error] ?? 'failed').add(1);
    },
    sessionWaited: (isThere, ms) => (isThere ? reached : behind).record(ms / 1000),
  };
}

function antiEntropyInstruments(telemetry: Telemetry): AntiEntropyInstruments {
  const counter = (name: string, unit: string, description: string, more: readonly string[] = []): Counter =>
    telemetry.counter(name, { unit, description, labels: ['shard', ...more] });
  const histogram = <const Labels extends readonly string[]>(
    name: string,
    description: string,
    labels: Labels,
  ) => telemetry.histogram(name, { description, unit: 'seconds', labels, buckets: secondsToHours });
  const detectSeconds = histogram('drift_time_to_detect_seconds', 'From drift until it was found, by what', [
    'shard',
    'by',
  ]);
  const healSeconds = histogram('drift_time_to_heal_seconds', 'From found drift until equal again', [
    'shard',
  ]);
  const exchangeSeconds = histogram('anti_entropy_exchange_duration_seconds', 'One exchange, by outcome', [
    'shard',
    'outcome',
  ]);
  const exchanges = counter(
    'anti_entropy_exchanges_total',
    'exchanges',
    'Comparisons with a peer, by mode and outcome',
    ['mode', 'outcome'],
  );
  const compared = counter('anti_entropy_keys_compared_total', 'rows', 'Rows compared one by one');
  const found = counter(
    'anti_entropy_keys_different_total',
    'rows',
    'Rows found to differ from those of a peer',
  );
  const healed = counter('anti_entropy_keys_healed_total', 'rows', 'Rows repaired');
  const leaves = counter('anti_entropy_leaves_rebuilt_total', 'leaves', 'Leaves made anew from rows');
  const bytes = counter('anti_entropy_received_bytes_total', 'bytes', 'Bytes that peers sent for exchanges');
  const valueBytes = counter(
    'anti_entropy_shipped_value_bytes_total',
    'bytes',
    'Bytes of values among those that peers sent',
  );
  return {
    detected: (shard, by, ms) => detectSeconds.at(shard, by).record(ms / 1000),
    healed: (shard, ms) => healSeconds.at(shard).record(ms / 1000),
    exchanged({ shard, outcome, counts, tookMs }, mode) {
      const labels = { shard: String(shard) };
      exchanges.add(1, { ...labels, mode, outcome });
      exchangeSeconds.at(shard, outcome).record(tookMs / 1000);
      compared.add(counts.compared, labels);
      found.add(counts.found, labels);
      healed.add(counts.healed, labels);
      leaves.add(counts.leaves, labels);
      bytes.add(counts.bytesReceived, labels);
      valueBytes.add(counts.bytesShipped, labels);
    },
    rowsShipped: counter('anti_entropy_keys_shipped_total', 'rows', 'Rows fetched from a peer for repairs'),
    stopped: counter(
      'anti_entropy_keys_stopped_total',
      'rows',
      'Rows left alone because they were healed too often',
    ),
    injected: counter('injected_drift_total', 'faults', 'Drift made on purpose, by kind', ['kind']),
  };
}
