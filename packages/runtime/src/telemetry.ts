/**
 * Metrics: OpenTelemetry instruments, read in the Prometheus text format.
 *
 * A process creates its instruments on `meter` (all in its own `telemetry.ts`) and serves `metricsText()`
 * at `/metrics`. The exporter appends `_total` to counters and nothing else, so an instrument's name
 * carries its unit itself: `replication_lag_seconds`, `outbox_bytes`. What every process has, CPU, memory,
 * start time and event loop lag, is registered here, under the names that Prometheus users expect.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { type HistogramOptions, type KeptHistogram, KeptHistograms } from './histogram.ts';

export interface TelemetryOptions {
  /** Kind of process: `store-node`, `gateway`, … */
  readonly service: string;
  /** Which one of them: `node-1`, … */
  readonly instance: string;
}

export interface Telemetry {
  readonly meter: Meter;
  /** A histogram for what every request does. */
  histogram(name: string, options: HistogramOptions): KeptHistogram;
  /** All metrics in the Prometheus text format 0.0.4. */
  metricsText(): Promise<string>;
  shutdown(): Promise<void>;
}

/** Buckets for durations between 0.5 ms and 30 s, to be given as `advice.explicitBucketBoundaries`. */
export const DURATION_SECONDS_BUCKETS: number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

const EVENT_LOOP_SAMPLE_MS = 20;

export function createTelemetry({ service, instance }: TelemetryOptions): Telemetry {
  const resource = resourceFromAttributes({ 'service.name': service, 'service.instance.id': instance });
  const histograms = new KeptHistograms(resource);
  // The exporter is used as a reader only: each process serves /metrics on its own HTTP server.
  const exporter = new PrometheusExporter({ preventServerStart: true, metricProducers: [histograms] });
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  const provider = new MeterProvider({ resource, readers: [exporter] });
  const meter = provider.getMeter('driftless');
  const stopProcessMetrics = registerProcessMetrics(meter);
  return {
    meter,
    histogram: (name, histogram) => histograms.create(name, histogram),
    async metricsText() {
      const { resourceMetrics, errors } = await exporter.collect();
      if (errors.length > 0) throw new AggregateError(errors, 'some metrics could not be collected');
      return serializer.serialize(resourceMetrics);
    },
    async shutdown() {
      stopProcessMetrics();
      await provider.shutdown();
    },
  };
}

function registerProcessMetrics(meter: Meter): () => void {
  const cpu = meter.createObservableCounter('process_cpu_seconds_total', {
    description: 'User and system CPU time spent by the process',
    unit: 'seconds',
  });
  cpu.addCallback((result) => {
    const { user, system } = process.cpuUsage();
    result.observe((user + system) / 1e6);
  });
  const resident = meter.createObservableGauge('process_resident_memory_bytes', {
    description: 'Resident memory of the process',
    unit: 'bytes',
  });
  resident.addCallback((result) => result.observe(process.memoryUsage.rss()));
  const started = meter.createObservableGauge('process_start_time_seconds', {
    description: 'When the process started, in seconds since the epoch',
    unit: 'seconds',
  });
  const startedAtSeconds = Date.now() / 1000 - process.uptime();
  started.addCallback((result) => result.observe(startedAtSeconds));
  return registerEventLoopLag(meter);
}

/** Node's histogram counts the sampling interval in; a lag of zero is an interval that was on time. */
function registerEventLoopLag(meter: Meter): () => void {
  const delays = monitorEventLoopDelay({ resolution: EVENT_LOOP_SAMPLE_MS });
  delays.enable();
  const lag = meter.createObservableGauge('nodejs_eventloop_lag_p99_seconds', {
    description: 'How late the event loop was, 99th percentile since the last scrape',
    unit: 'seconds',
  });
  lag.addCallback((result) => {
    const p99Ms = delays.count === 0 ? 0 : delays.percentile(99) / 1e6;
    result.observe(Math.max(0, p99Ms - EVENT_LOOP_SAMPLE_MS) / 1000);
    delays.reset();
  });
  return () => delays.disable();
}
