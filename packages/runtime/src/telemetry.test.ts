import { closeSync, openSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Observe } from './kept.ts';
import { createLogger } from './log.ts';
import { createTelemetry, type Telemetry } from './telemetry.ts';
import { waitUntil } from './wait.ts';

let telemetry: Telemetry;
beforeEach(() => {
  telemetry = createTelemetry({ service: 'store-node', instance: 'node-1' });
});
afterEach(() => telemetry.shutdown());

function sampleOf(text: string, series: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

test('serves what every process has, under the usual names', async () => {
  const text = await telemetry.metricsText();
  expect(sampleOf(text, 'process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(sampleOf(text, 'process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
  expect(Math.abs(sampleOf(text, 'process_start_time_seconds') - Date.now() / 1000)).toBeLessThan(600);
  expect(sampleOf(text, 'nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);
  expect(sampleOf(text, 'build_info{version="0.1.0"}')).toBe(1);
  const heap = sampleOf(text, 'nodejs_heap_used_bytes');
  expect(heap).toBeGreaterThan(1_000_000);
  expect(sampleOf(text, 'nodejs_heap_limit_bytes')).toBeGreaterThan(heap);
  expect(sampleOf(text, 'nodejs_external_memory_bytes')).toBeGreaterThan(0);
  expect(text).toContain('target_info{service_name="store-node",service_instance_id="node-1"} 1');
});

test('the event loop is as busy as it was since the last scrape', async () => {
  const busy = async (): Promise<number> =>
    sampleOf(await telemetry.metricsText(), 'nodejs_eventloop_utilization_ratio');
  await busy();
  const until = performance.now() + 60;
  while (performance.now() < until);
  expect(await busy()).toBeGreaterThan(0.5);
  await waitUntil(async () => (await busy()) < 0.5, {
    what: 'an idle event loop',
    timeoutMs: 10_000,
    intervalMs: 50,
  });
});

test('garbage collections are counted by kind', async () => {
  const minor = async (): Promise<number> =>
    sampleOf(await telemetry.metricsText(), 'nodejs_gc_duration_seconds_count{kind="minor"}');
  expect(await minor()).toBe(0);
  await waitUntil(
    async () => {
      Array.from({ length: 200_000 }, (_, i) => ({ i }));
      return (await minor()) > 0;
    },
    { what: 'a collection', timeoutMs: 10_000, intervalMs: 10 },
  );
});

test.runIf(process.platform === 'linux')('open files are counted, and how many may be', async () => {
  const open = async (): Promise<number> => sampleOf(await telemetry.metricsText(), 'process_open_fds');
  const before = await open();
  const files = Array.from({ length: 20 }, () => openSync('/dev/null', 'r'));
  try {
    expect(await open()).toBeGreaterThan(before + 10);
  } finally {
    for (const file of files) closeSync(file);
  }
  expect(sampleOf(await telemetry.metricsText(), 'process_max_fds')).toBeGreaterThan(before);
});

test('lines are counted by level, whoever logs them, and only those that are written', async () => {
  const { logged } = telemetry;
  const destination = { write: () => undefined };
  const logger = createLogger({ process: 'p', instance: 'p-1', level: 'info', destination, logged });
  logger.debug('not written');
  logger.info('one');
  logger.child({ part: 'a' }).warn('two');
  logger.error(new Error('three'));
  const text = await telemetry.metricsText();
  const counts = ['debug', 'info', 'warn', 'error'].map((level) =>
    sampleOf(text, `logs_total{level="${level}"}`),
  );
  expect(counts).toEqual([0, 1, 1, 1]);
});

test("serves a process's own instruments under their names, with their labels and buckets", async () => {
  const spec = { description: 'What came of it', unit: 'operations' };
  telemetry.counter('apply_results_total', spec).add(2, { outcome: 'applied' });
  const kept = telemetry.keptCounter('kept_results_total', { ...spec, labels: ['shard', 'outcome'] });
  kept.at(1, 'applied').add(2);
  kept.at(1, 'applied').add(3);
  kept.at(0, 'refused');
  telemetry.gauge('depth_operations', spec, (observe) => observe(7, { shard: '1' }));
  telemetry.observedCounter('seen_total', spec, (observe) => observe(9));
  for (const _ of ['first scrape', 'second']) {
    const text = await telemetry.metricsText();
    expect(sampleOf(text, 'apply_results_total{outcome="applied"}')).toBe(2);
    expect(sampleOf(text, 'kept_results_total{shard="1",outcome="applied"}')).toBe(5);
    expect(sampleOf(text, 'kept_results_total{shard="0",outcome="refused"}')).toBe(0);
    expect(sampleOf(text, 'depth_operations{shard="1"}')).toBe(7);
    expect(sampleOf(text, 'seen_total')).toBe(9);
    expect(text).toContain('# HELP kept_results_total What came of it\n');
    expect(text).toContain('# TYPE kept_results_total counter\n');
  }
});

test('serves a histogram as Prometheus reads it: cumulative, each bound included', async () => {
  const histogram = telemetry.histogram('taken_seconds', {
    description: 'How long',
    unit: 'seconds',
    labels: ['route'],
    buckets: [0.01, 1],
  });
  for (const value of [0, 0.01, 0.011, 1, 1.5, 30]) histogram.at('/b').record(value);
  histogram.at('/a');
  for (const _ of ['first scrape', 'second']) {
    const text = await telemetry.metricsText();
    expect(text.split('\n').filter((line) => line.startsWith('taken_seconds'))).toEqual([
      'taken_seconds_count{route="/b"} 6',
      'taken_seconds_sum{route="/b"} 32.521',
      'taken_seconds_bucket{route="/b",le="0.01"} 2',
      'taken_seconds_bucket{route="/b",le="1"} 4',
      'taken_seconds_bucket{route="/b",le="+Inf"} 6',
      'taken_seconds_count{route="/a"} 0',
      'taken_seconds_sum{route="/a"} 0',
      'taken_seconds_bucket{route="/a",le="0.01"} 0',
      'taken_seconds_bucket{route="/a",le="1"} 0',
      'taken_seconds_bucket{route="/a",le="+Inf"} 0',
    ]);
  }
});

test('tells of its instruments what a page on them has to say, and takes no name twice', () => {
  const spec = { description: 'How deep', unit: 'operations', labels: ['shard'] as const };
  telemetry.gauge('depth_operations', spec, () => undefined);
  expect(telemetry.instruments.at(-1)).toEqual({ name: 'depth_operations', type: 'gauge', ...spec });
  expect(() => telemetry.keptCounter('depth_operations', spec)).toThrow('there already');
});

test('a series that is not told any more is absent from the next scrape on', async () => {
  const spec = { description: 'How far behind', unit: 'seconds', labels: ['shard'] as const };
  let known = ['0', '1'];
  const read = (observe: Observe): void => {
    for (const shard of known) observe(3, { shard });
  };
  telemetry.gauge('lag_seconds', spec, read);
  telemetry.observedCounter('seen_total', spec, read);
  const told = async (): Promise<string[]> =>
    (await telemetry.metricsText()).match(/^(lag_seconds|seen_total).*/gm) ?? [];
  expect((await told()).length).toBe(4);
  known = ['1'];
  expect(await told()).toEqual(['lag_seconds{shard="1"} 3', 'seen_total{shard="1"} 3']);
  known = [];
  expect(await told()).toEqual([]);
});

test('a callback that fails makes the scrape fail, visibly', async () => {
  telemetry.gauge('broken', { description: 'None', unit: 'none' }, () => {
    throw new Error('no reading');
  });
  await expect(telemetry.metricsText()).rejects.toThrow('could not be collected');
});
