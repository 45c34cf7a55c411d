/**
 * Metrics: OpenTelemetry instruments, read in the Prometheus text format.
 *
 * A process makes its instruments here (all in its own `telemetry.ts`) and serves `metricsText()` at
 * `/metrics`. The exporter appends `_total` to counters and nothing else, so an instrument's name carries its
 * unit itself: `replication_lag_seconds`, `outbox_bytes`. Each says what it is and which labels it has; from
 * that docs/metrics.md is made. What every process has is registered here (process-metrics.ts).
 *
 * Nothing is pushed: a scrape reads what is there, so a process that nobody scrapes pays for counting only.
 */
import type { Counter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import {
  type HistogramSpec,
  type InstrumentSpec,
  type KeptCounter,
  type KeptHistogram,
  KeptInstruments,
  type Observe,
} from './kept.ts';
import { registerProcessMetrics } from './process-metrics.ts';

export interface TelemetryOptions {
  /** Kind of process: `store-node`, `gateway`, … */
  readonly service: string;
  /** Which one of them: `node-1`, … */
  readonly instance: string;
}

export interface DescribedInstrument extends InstrumentSpec {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly buckets?: readonly number[];
}

export interface Telemetry {
  /** For what is rare. */
  counter(name: string, spec: InstrumentSpec): Counter;
  /** For what every request does. */
  keptCounter<const Labels extends readonly string[] = readonly []>(
    name: string,
    spec: InstrumentSpec<Labels>,
  ): KeptCounter<Labels>;
  histogram<const Labels extends readonly string[] = readonly []>(
    name: string,
    spec: HistogramSpec<Labels>,
  ): KeptHistogram<Labels>;
  /** A value that is looked at when somebody scrapes. */
  gauge(name: string, spec: InstrumentSpec, read: (observe: Observe) => void): void;
  /** The same for what somebody else counts. */
  observedCounter(name: string, spec: InstrumentSpec, read: (observe: Observe) => void): void;
  /** A line was logged; for the logger. */
  readonly logged: (level: string) => void;
  /** All of the instruments so far. */
  readonly instruments: readonly DescribedInstrument[];
  /** All metrics in the Prometheus text format 0.0.4. */
  metricsText(): Promise<string>;
  shutdown(): Promise<void>;
}

/**
 * Bounds of durations between 0.5 ms and 30 s. 2 s is one of them: an alert asks how much was slower.
 */
export const DURATION_SECONDS_BUCKETS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30,
];

export function createTelemetry({ service, instance }: TelemetryOptions): Telemetry {
  const resource = resourceFromAttributes({ 'service.name': service, 'service.instance.id': instance });
  const kept = new KeptInstruments(resource);
  // The exporter is used as a reader only: each process serves /metrics on its own HTTP server.
  const exporter = new PrometheusExporter({ preventServerStart: true, metricProducers: [kept] });
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  const provider = new MeterProvider({ resource, readers: [exporter] });
  const meter = provider.getMeter('driftless');
  const instruments: DescribedInstrument[] = [];
  const describe = (name: string, type: DescribedInstrument['type'], spec: InstrumentSpec): void => {
    if (instruments.some((known) => known.name === name)) throw new Error(`${name} is there already`);
    instruments.push({ name, type, ...spec });
  };
  const base: Omit<Telemetry, 'logged' | 'shutdown'> = {
    instruments,
    counter(name, spec) {
      describe(name, 'counter', spec);
      return meter.createCounter(name, spec);
    },
    keptCounter(name, spec) {
      describe(name, 'counter', spec);
      return kept.counter(name, spec);
    },
    histogram(name, spec) {
      describe(name, 'histogram', spec);
      return kept.histogram(name, spec);
    },
    gauge(name, spec, read) {
      describe(name, 'gauge', spec);
      kept.gauge(name, spec, read);
    },
    observedCounter(name, spec, read) {
      describe(name, 'counter', spec);
      kept.observedCounter(name, spec, read);
    },
    async metricsText() {
      const { resourceMetrics, errors } = await exporter.collect();
      if (errors.length > 0) throw new AggregateError(errors, 'some metrics could not be collected');
      return serializer.serialize(resourceMetrics);
    },
  };
  const { logged, stop } = registerProcessMetrics(base);
  return {
    ...base,
    logged,
    async shutdown() {
      stop();
      await provider.shutdown();
    },
  };
}
