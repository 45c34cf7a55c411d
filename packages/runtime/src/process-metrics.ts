/**
 * What every process has, under the names that Prometheus users expect: CPU, memory, heap, garbage
 * collection, event loop, open files, lines logged. All but the garbage collections, a few a second, are
 * looked at when somebody scrapes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { constants, monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import packageFile from '../package.json' with { type: 'json' };
import type { Telemetry } from './telemetry.ts';

type Meter = Pick<Telemetry, 'keptCounter' | 'histogram' | 'gauge' | 'observedCounter'>;

const EVENT_LOOP_SAMPLE_MS = 100;
const GC_SECONDS_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

export function registerProcessMetrics(meter: Meter): { logged: (level: string) => void; stop: () => void } {
  registerProcess(meter);
  registerHeap(meter);
  registerFiles(meter);
  const stops = [registerEventLoop(meter), registerGarbageCollection(meter)];
  return {
    logged: registerLogs(meter),
    stop() {
      for (const stop of stops) stop();
    },
  };
}

function registerProcess(meter: Meter): void {
  meter.gauge(
    'build_info',
    { description: 'Always 1; which version this is', unit: 'processes', labels: ['version'] },
    (observe) => observe(1, { version: packageFile.version }),
  );
  meter.observedCounter(
    'process_cpu_seconds_total',
    { description: 'User and system CPU time spent by the process', unit: 'seconds' },
    (observe) => {
      const { user, system } = process.cpuUsage();
      observe((user + system) / 1e6);
    },
  );
  const startedAtSeconds = Date.now() / 1000 - process.uptime();
  meter.gauge(
    'process_start_time_seconds',
    { description: 'When the process started, in seconds since the epoch', unit: 'seconds' },
    (observe) => observe(startedAtSeconds),
  );
}

function registerHeap(meter: Meter): void {
  meter.gauge(
    'process_resident_memory_bytes',
    { description: 'Resident memory of the process', unit: 'bytes' },
    (observe) => observe(process.memoryUsage.rss()),
  );
  meter.gauge('nodejs_heap_used_bytes', { description: 'JavaScript heap in use', unit: 'bytes' }, (observe) =>
    observe(getHeapStatistics().used_heap_size),
  );
  meter.gauge(
    'nodejs_heap_limit_bytes',
    { description: 'JavaScript heap at which the process would die', unit: 'bytes' },
    (observe) => observe(getHeapStatistics().heap_size_limit),
  );
  meter.gauge(
    'nodejs_external_memory_bytes',
    { description: 'Memory of buffers and other objects outside the heap', unit: 'bytes' },
    (observe) => observe(getHeapStatistics().external_memory),
  );
}

/** Absent where the system has no /proc. */
function registerFiles(meter: Meter): void {
  meter.gauge(
    'process_open_fds',
    { description: 'Open files and connections; absent outside Linux', unit: 'files' },
    (observe) => {
      const open = unlessAbsent(() => readdirSync('/proc/self/fd').length);
      if (open !== undefined) observe(open);
    },
  );
  const limits = unlessAbsent(() => readFileSync('/proc/self/limits', 'utf8')) ?? '';
  const max = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
  meter.gauge(
    'process_max_fds',
    { description: 'Files and connections that may be open; absent outside Linux', unit: 'files' },
    (observe) => {
      if (!Number.isNaN(max)) observe(max);
    },
  );
}

function unlessAbsent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Node's histogram counts the sampling interval in; a lag of zero is an interval that was on time. */
function registerEventLoop(meter: Meter): () => void {
  const delays = monitorEventLoopDelay({ resolution: EVENT_LOOP_SAMPLE_MS });
  delays.enable();
  meter.gauge(
    'nodejs_eventloop_lag_p99_seconds',
    { description: 'How late the event loop was, 99th percentile since the last scrape', unit: 'seconds' },
    (observe) => {
      const p99Ms = delays.count === 0 ? 0 : delays.percentile(99) / 1e6;
      observe(Math.max(0, p99Ms - EVENT_LOOP_SAMPLE_MS) / 1000);
      delays.reset();
    },
  );
  let last = performance.eventLoopUtilization();
  meter.gauge(
    'nodejs_eventloop_utilization_ratio',
    {
      description: 'Part of the time since the last scrape that the event loop was busy, 0 to 1',
      unit: 'ratio',
    },
    (observe) => {
      const now = performance.eventLoopUtilization();
      observe(performance.eventLoopUtilization(now, last).utilization);
      last = now;
    },
  );
  return () => delays.disable();
}

function registerGarbageCollection(meter: Meter): () => void {
  const pauses = meter.histogram('nodejs_gc_duration_seconds', {
    description: 'Garbage collections, by kind: minor, major, incremental, weak-callbacks',
    unit: 'seconds',
    labels: ['kind'],
    buckets: GC_SECONDS_BUCKETS,
  });
  const kinds = new Map([
    [constants.NODE_PERFORMANCE_GC_MINOR, pauses.at('minor')],
    [constants.NODE_PERFORMANCE_GC_MAJOR, pauses.at('major')],
    [constants.NODE_PERFORMANCE_GC_INCREMENTAL, pauses.at('incremental')],
    [constants.NODE_PERFORMANCE_GC_WEAKCB, pauses.at('weak-callbacks')],
  ]);
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail, duration } = entry as PerformanceEntry & { detail: { kind: number } };
      kinds.get(detail.kind)?.record(duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}

function registerLogs(meter: Meter): (level: string) => void {
  const lines = meter.keptCounter('logs_total', {
    description: 'Lines that were logged, by level',
    unit: 'lines',
    labels: ['level'],
  });
  const series = new Map(LEVELS.map((level) => [level, lines.at(level)]));
  return (level) => series.get(level)?.add(1);
}
