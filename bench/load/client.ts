/**
 * A closed-loop HTTP load on raw sockets, as a process of its own: each connection sends its next request
 * when the answer to the last one is there. Written for little CPU per request, because it shares the cores
 * with what it measures. Takes a `LoadPlan` as JSON in argv[2], prints a `LoadReport` as JSON.
 */
import { connect, type Socket } from 'node:net';

export interface LoadPlan {
  port: number;
  method: 'PUT' | 'GET';
  /** Requests go to `<path><0 … keys − 1>`, at random but the same in each run. */
  path: string;
  keys: number;
  /** Length of the JSON string that is put, bytes. */
  valueBytes: number;
  connections: number;
  warmupMs: number;
  measureMs: number;
}

export interface LoadReport {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Answers other than 200 and 201. */
  refused: number;
}

/** Numerical Recipes' linear congruential generator: the same keys in each run. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

class Connection {
  readonly #socket: Socket;
  readonly #next: () => string;
  readonly #onAnswer: (startedAt: number, ok: boolean) => void;
  #startedAt = 0;
  #received = '';

  constructor(port: number, next: () => string, onAnswer: (startedAt: number, ok: boolean) => void) {
    this.#next = next;
    this.#onAnswer = onAnswer;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => this.#send());
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => this.#receive(text));
    this.#socket.on('error', (error) => {
      throw error;
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(): void {
    this.#startedAt = performance.now();
    this.#socket.write(this.#next(), 'latin1');
  }

  #receive(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const length = /content-length: (\d+)/i.exec(head)?.[1];
    if (length === undefined) throw new Error(`An answer without Content-Length:\n${head}`);
    if (this.#received.length < headEnd + 4 + Number(length)) return;
    this.#received = '';
    this.#onAnswer(this.#startedAt, head.startsWith('HTTP/1.1 20'));
    this.#send();
  }
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

async function run(plan: LoadPlan): Promise<LoadReport> {
  const random = randomFrom(1);
  const body = JSON.stringify('x'.repeat(Math.max(0, plan.valueBytes - 2)));
  const tail =
    plan.method === 'PUT'
      ? `\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
      : '\r\n\r\n';
  const request = (): string => {
    const key = Math.floor(random() * plan.keys);
    return `${plan.method} ${plan.path}${key} HTTP/1.1\r\nhost: bench${tail}`;
  };
  const from = performance.now() + plan.warmupMs;
  const until = from + plan.measureMs;
  const latencies: number[] = [];
  let refused = 0;
  const onAnswer = (startedAt: number, ok: boolean): void => {
    const now = performance.now();
    if (startedAt < from || now > until) return;
    latencies.push(now - startedAt);
    if (!ok) refused += 1;
  };
  const connections = Array.from(
    { length: plan.connections },
    () => new Connection(plan.port, request, onAnswer),
  );
  await new Promise((resolve) => setTimeout(resolve, plan.warmupMs + plan.measureMs));
  for (const connection of connections) connection.close();
  latencies.sort((a, b) => a - b);
  const perSecond = (latencies.length / plan.measureMs) * 1000;
  return { perSecond, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), refused };
}

const report = await run(JSON.parse(process.argv[2] ?? '') as LoadPlan);
process.stdout.write(`${JSON.stringify(report)}\n`);
