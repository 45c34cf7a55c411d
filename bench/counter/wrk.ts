/** wrk by its script: the same increment again and again, and what came of it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** As wrk.lua prints it. */
interface Printed {
  /** With whatever status. */
  answers: number;
  /** Of these, with a status that is not 2xx or 3xx. */
  refused: number;
  /** Connections that were not made, and requests that broke off. */
  connect: number;
  read: number;
  write: number;
  /** Answers that took longer than wrk wants; they are among the answers when they came. */
  timeout: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
  /** With `collect`: how many values were answered, how many of them came more than once, the highest. */
  values: number;
  twice: number;
  highest: number;
  statuses: Record<string, number>;
  /** Requests sent in each second, from 1. */
  sent: Record<string, number>;
}

export interface WrkPlan {
  /** Servers, `127.0.0.1:8080`; threads take them by turns. */
  addresses: readonly string[];
  path: string;
  seconds: number;
  threads: number;
  connections: number;
  /** Keep every value that is answered. */
  collect?: boolean;
}

export interface WrkReport extends Printed {
  ok: number;
  perSecond: number;
  /** CPU time of wrk itself, microseconds. */
  cpuMicros: number;
}

/** For the answers to what was sent last. */
const graceSeconds = 3;
const timeoutSeconds = 20;
const outputBytesMax = 16 * 1024 * 1024;
const script = join(import.meta.dirname, 'wrk.lua');

export async function runWrk(plan: WrkPlan): Promise<WrkReport> {
  const { addresses, path, seconds, threads, connections } = plan;
  const grace = plan.collect ? timeoutSeconds : graceSeconds;
  const size = [
    `-t${threads}`,
    `-c${connections}`,
    `-d${seconds + grace}s`,
    '--timeout',
    `${timeoutSeconds}s`,
  ];
  const command = ['wrk', ...size, '--latency', '-s', script, `http://${addresses[0]}${path}`].join(' ');
  const env = {
    ...process.env,
    COUNTER_ADDRESSES: addresses.join(),
    COUNTER_SECONDS: String(seconds),
    ...(plan.collect && { COUNTER_VALUES: '1' }),
  };
  const timed = ['-c', `TIMEFORMAT='%U %S'; time ${command}`];
  const { stdout, stderr } = await promisify(execFile)('bash', timed, { env, maxBuffer: outputBytesMax });
  return reportOf(stdout, stderr, seconds);
}

/** `times`: user and system time of the command, its last line. */
export function reportOf(stdout: string, times: string, seconds: number): WrkReport {
  const text = /^COUNTER (\{.*\})$/m.exec(stdout)?.[1];
  if (text === undefined) throw new Error(`wrk said nothing of the counter:\n${stdout}\n${times}`);
  const printed = JSON.parse(text) as Printed;
  const ok = printed.answers - printed.refused;
  const [user = 0, system = 0] = (times.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  return { ...printed, ok, perSecond: ok / seconds, cpuMicros: (user + system) * 1e6 };
}

/** Requests a second in parts of the run: how much it changed while it went on. */
export function partsOf(
  sent: Readonly<Record<string, number>>,
  seconds: number,
  partSeconds: number,
): number[] {
  const parts = Math.floor(seconds / partSeconds);
  return Array.from({ length: parts }, (_, part) => {
    const numbers = Array.from(
      { length: partSeconds },
      (_, i) => sent[String(part * partSeconds + i + 1)] ?? 0,
    );
    return numbers.reduce((sum, count) => sum + count, 0) / partSeconds;
  });
}
