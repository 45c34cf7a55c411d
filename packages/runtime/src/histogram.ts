/**
 * Histograms for what every request does. The SDK finds the series of each record by sorting, hashing and
 * looking up its attributes; here the caller keeps the series and records into it. The exporter reads them
 * with the SDK's own and in the same form.
 */
import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';

export interface HistogramOptions {
  readonly description: string;
  readonly unit: string;
  /** Upper bounds of the buckets, each included, ascending; one more bucket holds the rest. */
  readonly bounds: readonly number[];
}

/** One combination of attributes, to be kept and recorded into. */
export class HistogramSeries {
  readonly attributes: Attributes;
  readonly counts: number[];
  sum = 0;
  count = 0;
  readonly #bounds: readonly number[];

  constructor(attributes: Attributes, bounds: readonly number[]) {
    this.attributes = attributes;
    this.#bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  record(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
    this.count += 1;
  }
}

/** A histogram and its series. */
export class KeptHistogram {
  readonly #name: string;
  readonly #options: HistogramOptions;
  readonly #series: HistogramSeries[] = [];
  readonly #startTime: HrTime;

  constructor(name: string, options: HistogramOptions, now: HrTime) {
    this.#name = name;
    this.#options = options;
    this.#startTime = now;
  }

  /** To be called once for a combination, and the series kept. */
  series(attributes: Attributes): HistogramSeries {
    const series = new HistogramSeries(attributes, this.#options.bounds);
    this.#series.push(series);
    return series;
  }

  /** As the SDK tells of its own. */
  data(now: HrTime): MetricData {
    const { description, unit, bounds } = this.#options;
    return {
      descriptor: { name: this.#name, description, unit, valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: this.#series.map(({ attributes, counts, sum, count }) => ({
        startTime: this.#startTime,
        endTime: now,
        attributes,
        value: { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count },
      })),
    };
  }
}

/** All kept histograms of a process, for its exporter. */
export class KeptHistograms implements MetricProducer {
  readonly #resource: Resource;
  readonly #histograms: KeptHistogram[] = [];

  constructor(resource: Resource) {
    this.#resource = resource;
  }

  create(name: string, options: HistogramOptions): KeptHistogram {
    const histogram = new KeptHistogram(name, options, hrNow());
    this.#histograms.push(histogram);
    return histogram;
  }

  async collect(): Promise<CollectionResult> {
    const now = hrNow();
    const metrics = this.#histograms.map((histogram) => histogram.data(now));
    const scopeMetrics = [{ scope: { name: 'driftless' }, metrics }];
    return { resourceMetrics: { resource: this.#resource, scopeMetrics }, errors: [] };
  }
}

function hrNow(): HrTime {
  const now = Date.now();
  return [Math.floor(now / 1000), (now % 1000) * 1e6];
}
