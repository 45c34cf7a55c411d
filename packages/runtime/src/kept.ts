/**
 * Instruments that the exporter reads with the SDK's own and in the same form, for what those don't do.
 *
 * Kept ones, for what every request does: the SDK finds the series of each record by sorting, hashing and
 * looking up its attributes; here the caller keeps the series, and to count is to add to a number.
 *
 * Observed ones, for what is looked at when somebody scrapes: the SDK tells a series that was observed once
 * for ever, with its last value; here what isn't told at a scrape is absent from it.
 *
 * Cost on a small machine: a counter 1.5 ns, a histogram 10 ns, `at` 120 ns; a counter of the SDK 360 ns.
 */
import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPoint,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';

/** What an instrument is, for `/metrics` and for the page on metrics. */
export interface InstrumentSpec<Labels extends readonly string[] = readonly string[]> {
  readonly description: string;
  /** In the plural, as it is in the name: `seconds`, `bytes`, `operations`. */
  readonly unit: string;
  /** Each of few values: shards, nodes, routes and words of closed lists; never keys or users. */
  readonly labels?: Labels;
}

export interface HistogramSpec<Labels extends readonly string[] = readonly string[]>
  extends InstrumentSpec<Labels> {
  /** Upper bounds of the buckets, each included, ascending; one more bucket holds the rest. */
  readonly buckets: readonly number[];
}

/** Tells the value of one series; what isn't told at a scrape isn't there: unknown is absent, never 0. */
export type Observe = (value: number, attributes?: Attributes) => void;

/** One for each label. */
export type LabelValues<Labels extends readonly string[]> = {
  readonly [Index in keyof Labels]: string | number;
};

/** One combination of labels of a counter, to be kept and added to. */
export class CounterSeries {
  value = 0;

  add(by: number): void {
    this.value += by;
  }
}

/** One combination of labels of a histogram, to be kept and recorded into. */
export class HistogramSeries {
  readonly counts: number[];
  sum = 0;
  count = 0;
  readonly #buckets: readonly number[];

  constructor(buckets: readonly number[]) {
    this.#buckets = buckets;
    this.counts = Array.from({ length: buckets.length + 1 }, () => 0);
  }

  record(value: number): void {
    let bucket = 0;
    while (bucket < this.#buckets.length && value > (this.#buckets[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
    this.count += 1;
  }
}

/** The series of an instrument, by their labels. */
class Kept<Labels extends readonly string[], Series> {
  readonly #labels: readonly string[];
  readonly #make: () => Series;
  readonly #known = new Map<string, Series>();
  readonly all: { attributes: Attributes; series: Series }[] = [];

  constructor({ labels = [] as never }: InstrumentSpec<Labels>, make: () => Series) {
    this.#labels = labels;
    this.#make = make;
  }

  at(values: LabelValues<Labels>): Series {
    const key = values.length === 1 ? String(values[0]) : values.join('\n');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const series = this.#make();
    const attributes = Object.fromEntries(this.#labels.map((label, i) => [label, String(values[i])]));
    this.#known.set(key, series);
    this.all.push({ attributes, series });
    return series;
  }
}

/** A counter and its series. */
export class KeptCounter<const Labels extends readonly string[] = readonly []> {
  readonly #kept: Kept<Labels, CounterSeries>;

  constructor(spec: InstrumentSpec<Labels>) {
    this.#kept = new Kept(spec, () => new CounterSeries());
  }

  /** The series with these labels, in the order of the specification. It begins at 0 with the first call. */
  at(...values: LabelValues<Labels>): CounterSeries {
    return this.#kept.at(values);
  }

  /** As the SDK tells of its own. */
  data(startTime: HrTime, endTime: HrTime) {
    return {
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.SUM as const,
      isMonotonic: true,
      dataPoints: this.#kept.all.map(({ attributes, series }) => {
        return { startTime, endTime, attributes, value: series.value };
      }),
    };
  }
}

/** A histogram and its series. */
export class KeptHistogram<const Labels extends readonly string[] = readonly []> {
  readonly #buckets: readonly number[];
  readonly #kept: Kept<Labels, HistogramSeries>;

  constructor(spec: HistogramSpec<Labels>) {
    this.#buckets = spec.buckets;
    this.#kept = new Kept(spec, () => new HistogramSeries(spec.buckets));
  }

  /** The series with these labels, in the order of the specification. */
  at(...values: LabelValues<Labels>): HistogramSeries {
    return this.#kept.at(values);
  }

  /** As the SDK tells of its own. */
  data(startTime: HrTime, endTime: HrTime) {
    return {
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM as const,
      dataPoints: this.#kept.all.map(({ attributes, series: { counts, sum, count } }) => ({
        startTime,
        endTime,
        attributes,
        value: { buckets: { boundaries: [...this.#buckets], counts: [...counts] }, sum, count },
      })),
    };
  }
}

/** All kept instruments of a process, for its exporter. */
export class KeptInstruments implements MetricProducer {
  readonly #resource: Resource;
  readonly #startTime = hrNow();
  readonly #reads: ((now: HrTime) => MetricData)[] = [];

  constructor(resource: Resource) {
    this.#resource = resource;
  }

  counter<const Labels extends readonly string[]>(
    name: string,
    spec: InstrumentSpec<Labels>,
  ): KeptCounter<Labels> {
    const counter = new KeptCounter(spec);
    const descriptor = descriptorOf(name, spec);
    this.#reads.push((now) => ({ descriptor, ...counter.data(this.#startTime, now) }));
    return counter;
  }

  histogram<const Labels extends readonly string[]>(
    name: string,
    spec: HistogramSpec<Labels>,
  ): KeptHistogram<Labels> {
    const histogram = new KeptHistogram(spec);
    const descriptor = descriptorOf(name, spec);
    this.#reads.push((now) => ({ descriptor, ...histogram.data(this.#startTime, now) }));
    return histogram;
  }

  gauge(name: string, spec: InstrumentSpec, read: (observe: Observe) => void): void {
    const descriptor = descriptorOf(name, spec);
    this.#reads.push((endTime) => ({
      descriptor,
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.GAUGE,
      dataPoints: observed(read, { startTime: this.#startTime, endTime }),
    }));
  }

  observedCounter(name: string, spec: InstrumentSpec, read: (observe: Observe) => void): void {
    const descriptor = descriptorOf(name, spec);
    this.#reads.push((endTime) => ({
      descriptor,
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.SUM,
      isMonotonic: true,
      dataPoints: observed(read, { startTime: this.#startTime, endTime }),
    }));
  }

  /** What could not be read is told as an error, and the rest is there. */
  async collect(): Promise<CollectionResult> {
    const now = hrNow();
    const errors: unknown[] = [];
    const metrics = this.#reads.flatMap((read) => {
      try {
        return read(now);
      } catch (error) {
        errors.push(error);
        return [];
      }
    });
    const scopeMetrics = [{ scope: { name: 'driftless' }, metrics }];
    return { resourceMetrics: { resource: this.#resource, scopeMetrics }, errors };
  }
}

function observed(read: (observe: Observe) => void, times: Pick<DataPoint<number>, 'startTime' | 'endTime'>) {
  const points: DataPoint<number>[] = [];
  read((value, attributes = {}) => points.push({ ...times, attributes, value }));
  return points;
}

function descriptorOf(name: string, { description, unit }: InstrumentSpec) {
  return { name, description, unit, valueType: ValueType.DOUBLE };
}

function hrNow(): HrTime {
  const now = Date.now();
  return [Math.floor(now / 1000), (now % 1000) * 1e6];
}
