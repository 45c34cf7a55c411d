/** All instruments of the gateway. Requests themselves are measured by the runtime's HTTP server. */

import {
  type AckLevel,
  ackLevelSchema,
  type ErrorCode,
  type ReadLevel,
  readLevelSchema,
} from '@driftless/contracts';
import { DURATION_SECONDS_BUCKETS, type Telemetry } from '@driftless/runtime';

/** What is only looked at when somebody scrapes. */
export interface GatewayGauges {
  requestsInFlight(): number;
  bodyBytesInFlight(): number;
  /** Operations that wait in lanes, by kind of lane. */
  waiting(): { lane: string; operations: number }[];
  /** 0 closed, 1 half-open, 2 open. */
  circuits(): { node: string; state: number }[];
  nodes(): { alive: number; known: number };
  shardsWithoutLeader(): number;
  watchers(): number;
  /** Recent changes that are kept for watchers. */
  watchBufferBytes(): number;
  /** When each replica showed a canary last, seconds since the Unix epoch. */
  canariesSeen(): readonly { shard: number; node: string; atSeconds: number }[];
}

export type HopOperation = 'write' | 'read' | 'list';

/** Why a watch ended. `closed`: the watcher left. */
export type WatchEnd = 'closed' | 'drained' | 'expired' | 'too-slow' | 'failed';

export interface GatewayTelemetry {
  /** A hop to a node has ended. `outcome` is `answered` or a kind of failure. */
  hopEnded(node: string, operation: HopOperation, outcome: string, seconds: number): void;
  /** A request with this many operations left a lane. */
  batchSent(operation: HopOperation, operations: number): void;
  retried(operation: HopOperation, operations: number): void;
  shed(reason: 'requests' | 'lane' | 'listings' | 'watchers'): void;
  /** A watcher was sent this many changes. */
  watchSent(events: number): void;
  watchEnded(reason: WatchEnd): void;
  /** A client's read or write has ended; `error`: undefined when it did what it asked for. */
  read(level: ReadLevel, error: ErrorCode | undefined): void;
  written(ack: AckLevel, error: ErrorCode | undefined): void;
  canaryPut(shard: number, seconds: number): void;
  /** A replica has shown a canary, so long after its put began. */
  canarySeen(shard: number, node: string, seconds: number): void;
  canaryFailed(shard: number, reason: ErrorCode): void;
  observe(gauges: GatewayGauges): void;
}

/** A replica that was away shows it when it is back. */
const CANARY_BUCKETS = [...DURATION_SECONDS_BUCKETS, 60, 300, 900, 1800, 3600];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

export function createGatewayTelemetry(telemetry: Telemetry): GatewayTelemetry {
  const hops = telemetry.histogram('gateway_hop_duration_seconds', {
    description:
      'From sending a request to a node to its whole answer; outcome: answered, or kind of failure',
    unit: 'seconds',
    labels: ['node', 'operation', 'outcome'],
    buckets: DURATION_SECONDS_BUCKETS,
  });
  const batches = telemetry.histogram('gateway_batch_operations', {
    description: 'Operations that a lane gathered into one request',
    unit: 'operations',
    labels: ['operation'],
    buckets: BATCH_BUCKETS,
  });
  const retries = telemetry.keptCounter('gateway_retried_operations_total', {
    description: 'Operations that were sent again because nothing had been done',
    unit: 'operations',
    labels: ['operation'],
  });
  const shed = telemetry.keptCounter('gateway_shed_requests_total', {
    description: 'Requests that were told 429 because a bound was reached',
    unit: 'requests',
    labels: ['reason'],
  });
  const watchEvents = telemetry.keptCounter('gateway_watch_events_total', {
    description: 'Changes that were sent to watchers',
    unit: 'events',
  });
  const watchEnds = telemetry.keptCounter('gateway_watches_ended_total', {
    description: 'Watches that ended, by reason',
    unit: 'watches',
    labels: ['reason'],
  });
  for (const reason of ['requests', 'lane', 'listings', 'watchers']) shed.at(reason);
  for (const operation of ['write', 'read', 'list']) retries.at(operation);
  return {
    hopEnded: (node, operation, outcome, seconds) => hops.at(node, operation, outcome).record(seconds),
    batchSent: (operation, operations) => batches.at(operation).record(operations),
    retried: (operation, operations) => retries.at(operation).add(operations),
    shed: (reason) => shed.at(reason).add(1),
    watchSent: (events) => watchEvents.at().add(events),
    watchEnded: (reason) => watchEnds.at(reason).add(1),
    ...clientInstruments(telemetry),
    ...canaryInstruments(telemetry),
    observe: (gauges) => observe(telemetry, gauges),
  };
}

function clientInstruments(telemetry: Telemetry): Pick<GatewayTelemetry, 'read' | 'written'> {
  const reads = telemetry.keptCounter('gateway_reads_total', {
    description: 'Keys read for clients, by level and result: ok (there or not), or the code of the error',
    unit: 'reads',
    labels: ['level', 'result'],
  });
  const writes = telemetry.keptCounter('gateway_writes_total', {
    description: 'Operations written for clients, by ack and result: ok, or the code of the error',
    unit: 'operations',
    labels: ['ack', 'result'],
  });
  const readsOk = new Map(readLevelSchema.options.map((level) => [level, reads.at(level, 'ok')]));
  const writesOk = new Map(ackLevelSchema.options.map((ack) => [ack, writes.at(ack, 'ok')]));
  return {
    read: (level, error) => (error ? reads.at(level, error) : readsOk.get(level))?.add(1),
    written: (ack, error) => (error ? writes.at(ack, error) : writesOk.get(ack))?.add(1),
  };
}

function canaryInstruments(
  telemetry: Telemetry,
): Pick<GatewayTelemetry, 'canaryPut' | 'canarySeen' | 'canaryFailed'> {
  const puts = telemetry.histogram('canary_put_duration_seconds', {
    description: "A canary's write, ack=stream, as a client would wait for it",
    unit: 'seconds',
    labels: ['shard'],
    buckets: DURATION_SECONDS_BUCKETS,
  });
  const visible = telemetry.histogram('canary_visible_seconds', {
    description: "From the beginning of a canary's write until a replica shows it",
    unit: 'seconds',
    labels: ['shard', 'node'],
    buckets: CANARY_BUCKETS,
  });
  const failures = telemetry.keptCounter('canary_failures_total', {
    description: 'Canaries that could not be written or read, by the code of the error',
    unit: 'canaries',
    labels: ['shard', 'reason'],
  });
  return {
    canaryPut: (shard, seconds) => puts.at(shard).record(seconds),
    canarySeen: (shard, node, seconds) => visible.at(shard, node).record(seconds),
    canaryFailed: (shard, reason) => failures.at(shard, reason).add(1),
  };
}

function observe(telemetry: Telemetry, gauges: GatewayGauges): void {
  const gauge = (name: string, unit: string, description: string, read: () => number): void =>
    telemetry.gauge(name, { unit, description }, (tell) => tell(read()));
  gauge('gateway_requests_in_flight', 'requests', 'Requests that count against the bound', () =>
    gauges.requestsInFlight(),
  );
  gauge('gateway_body_bytes_in_flight', 'bytes', 'Bytes of bodies that are being served', () =>
    gauges.bodyBytesInFlight(),
  );
  gauge('gateway_nodes_alive', 'nodes', 'Nodes that told their status lately', () => gauges.nodes().alive);
  gauge('gateway_nodes_known', 'nodes', 'Nodes that ever told their status', () => gauges.nodes().known);
  gauge('gateway_shards_without_leader', 'shards', 'Shards that nobody is known to lead', () =>
    gauges.shardsWithoutLeader(),
  );
  gauge('gateway_watchers', 'watchers', 'Watchers that are being served', () => gauges.watchers());
  gauge('gateway_watch_buffer_bytes', 'bytes', 'Recent changes that are kept for watchers', () =>
    gauges.watchBufferBytes(),
  );
  telemetry.gauge(
    'gateway_lane_waiting_operations',
    { unit: 'operations', description: 'Operations that wait in lanes', labels: ['lane'] },
    (tell) => {
      for (const { lane, operations } of gauges.waiting()) tell(operations, { lane });
    },
  );
  telemetry.gauge(
    'canary_last_seen_timestamp_seconds',
    {
      unit: 'seconds',
      description: 'When a replica showed a canary last, in seconds since the epoch; absent before the first',
      labels: ['shard', 'node'],
    },
    (tell) => {
      for (const { shard, node, atSeconds } of gauges.canariesSeen())
        tell(atSeconds, { shard: String(shard), node });
    },
  );
  telemetry.gauge(
    'gateway_circuit_state',
    { unit: 'state', description: 'Circuit to a node: 0 closed, 1 half-open, 2 open', labels: ['node'] },
    (tell) => {
      for (const { node, state } of gauges.circuits()) tell(state, { node });
    },
  );
}
