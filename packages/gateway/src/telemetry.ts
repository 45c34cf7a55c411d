/** All instruments of the gateway. Requests themselves are measured by the runtime's HTTP server. */

import { DURATION_SECONDS_BUCKETS } from '@driftless/runtime';
import type { Attributes, Meter } from '@opentelemetry/api';

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

export function createGatewayTelemetry(meter: Meter): GatewayTelemetry {
  const hops = meter.createHistogram('gateway_hop_duration_seconds', {
    description: 'Time from sending a request to a node to its whole answer',
    unit: 'seconds',
    advice: { explicitBucketBoundaries: DURATION_SECONDS_BUCKETS },
  });
  const batches = meter.createHistogram('gateway_batch_operations', {
    description: 'Operations that a lane gathered into one request',
    unit: 'operations',
    advice: { explicitBucketBoundaries: BATCH_BUCKETS },
  });
  const retries = meter.createCounter('gateway_retried_operations_total', {
    description: 'Operations that were sent again because nothing had been done',
  });
  const shed = meter.createCounter('gateway_shed_requests_total', {
    description: 'Requests that were told 429 because a bound was reached',
  });
  const watchEvents = meter.createCounter('gateway_watch_events_total', {
    description: 'Changes that were sent to watchers',
  });
  const watchEnds = meter.createCounter('gateway_watches_ended_total', {
    description: 'Watches that ended, by reason',
  });
  const labels = labelCache();
  return {
    hopEnded: (node, operation, outcome, seconds) =>
      hops.record(seconds, labels(`${node} ${operation} ${outcome}`, { node, operation, outcome })),
    batchSent: (operation, operations) => batches.record(operations, labels(operation, { operation })),
    retried: (operation, operations) => retries.add(operations, labels(operation, { operation })),
    shed: (reason) => shed.add(1, labels(`shed ${reason}`, { reason })),
    watchSent: (events) => watchEvents.add(events),
    watchEnded: (reason) => watchEnds.add(1, labels(`watch ${reason}`, { reason })),
    observe: (gauges) => observe(meter, gauges),
  };
}

function observe(meter: Meter, gauges: GatewayGauges): void {
  const gauge = (name: string, unit: string, description: string, values: () => [number, Attributes?][]) =>
    meter.createObservableGauge(name, { unit, description }).addCallback((result) => {
      for (const [value, attributes] of values()) result.observe(value, attributes);
    });
  gauge('gateway_requests_in_flight', 'requests', 'Requests that are being served', () => [
    [gauges.requestsInFlight()],
  ]);
  gauge('gateway_body_bytes_in_flight', 'bytes', 'Bytes of bodies that are being served', () => [
    [gauges.bodyBytesInFlight()],
  ]);
  gauge('gateway_lane_waiting_operations', 'operations', 'Operations that wait in lanes', () =>
    gauges.waiting().map(({ lane, operations }) => [operations, { lane }]),
  );
  gauge('gateway_circuit_state', 'state', 'Circuit to a node: 0 closed, 1 half-open, 2 open', () =>
    gauges.circuits().map(({ node, state }) => [state, { node }]),
  );
  gauge('gateway_nodes_alive', 'nodes', 'Nodes that told their status lately', () => [
    [gauges.nodes().alive],
  ]);
  gauge('gateway_nodes_known', 'nodes', 'Nodes that ever told their status', () => [[gauges.nodes().known]]);
  gauge('gateway_shards_without_leader', 'shards', 'Shards that nobody is known to lead', () => [
    [gauges.shardsWithoutLeader()],
  ]);
  gauge('gateway_watchers', 'watchers', 'Watchers that are being served', () => [[gauges.watchers()]]);
  gauge('gateway_watch_buffer_bytes', 'bytes', 'Recent changes that are kept for watchers', () => [
    [gauges.watchBufferBytes()],
  ]);
}

/** One attributes object a combination, made once: nodes, operations and outcomes are few. */
function labelCache(): (key: string, attributes: Attributes) => Attributes {
  const known = new Map<string, Attributes>();
  return (key, attributes) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    known.set(key, attributes);
    return attributes;
  };
}
