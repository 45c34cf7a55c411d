import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTelemetry, type Telemetry } from './telemetry.ts';

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
  expect(text).toContain('target_info{service_name="store-node",service_instance_id="node-1"} 1');
});

test("serves a process's own instruments under their names, with the buckets it asked for", async () => {
  telemetry.meter.createCounter('apply_results_total').add(2, { outcome: 'applied' });
  const histogram = telemetry.meter.createHistogram('commit_duration_seconds', {
    advice: { explicitBucketBoundaries: [0.01, 1] },
  });
  histogram.record(0.5);
  const text = await telemetry.metricsText();
  expect(sampleOf(text, 'apply_results_total{outcome="applied"}')).toBe(2);
  expect(text.match(/commit_duration_seconds_bucket.*/g)).toEqual([
    'commit_duration_seconds_bucket{le="0.01"} 0',
    'commit_duration_seconds_bucket{le="1"} 1',
    'commit_duration_seconds_bucket{le="+Inf"} 1',
  ]);
});

test('serves a kept histogram as it serves the others', async () => {
  const bounds = [0.01, 1];
  const values = [0, 0.01, 0.011, 1, 1.5, 30];
  const options = { description: 'How long', unit: 'seconds' };
  const advice = { explicitBucketBoundaries: bounds };
  const kept = telemetry.histogram('kept_seconds', { ...options, bounds });
  const sdk = telemetry.meter.createHistogram('sdk_seconds', { ...options, advice });
  for (const route of ['/a', '/b']) {
    const series = kept.series({ route });
    for (const value of values) {
      series.record(value);
      sdk.record(value, { route });
    }
  }
  for (const _ of ['first', 'second']) {
    const text = await telemetry.metricsText();
    const linesOf = (name: string) => text.split('\n').filter((line) => line.includes(name));
    expect(linesOf('kept_seconds').map((line) => line.replace('kept', 'sdk'))).toEqual(
      linesOf('sdk_seconds'),
    );
    expect(linesOf('kept_seconds')).toContain('kept_seconds_bucket{route="/b",le="0.01"} 2');
  }
});

test('a callback that fails makes the scrape fail, visibly', async () => {
  telemetry.meter.createObservableGauge('broken').addCallback(() => {
    throw new Error('no reading');
  });
  await expect(telemetry.metricsText()).rejects.toThrow('could not be collected');
});
