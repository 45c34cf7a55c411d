/** All instruments of the gateway. Requests themselves are measured by the runtime's HTTP server. */

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
  observe(gauges: GatewayGauges): void;
}

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
  return {
    hopEnded: (node, operation, outcome, seconds) => hops.at(node, operation, outcome).record(seconds),
    batchSent: (operation, operations) => batches.at(operation).record(operations),
    retried: (operation, operations) => retries.at(operation).add(operations),
    shed: (reason) => shed.at(reason).add(1),
    watchSent: (events) => watchEvents.at().add(events),
    watchEnded: (reason) => watchEnds.at(reason).add(1),
    observe: (gauges) => observe(telemetry, gauges),
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
    'gateway_circuit_state',
    { unit: 'state', description: 'Circuit to a node: 0 closed, 1 half-open, 2 open', labels: ['node'] },
    (tell) => {
      for (const { node, state } of gauges.circuits()) tell(state, { node });
    },
  );
}
