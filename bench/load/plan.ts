/** What a load is, and what it found: the words between the load generator and who starts it. */

export interface LoadRequest {
  method: 'PUT' | 'GET' | 'POST';
  /** `{key}` stands for a key, here and in the body. */
  path: string;
  body?: string;
  headers?: Record<string, string>;
}

export interface LoadPlan {
  /** Of servers on this machine; connections take them by turns. */
  ports: readonly number[];
  request: LoadRequest;
  /** Keys 0 … keys − 1, at random, but the same in each run. */
  keys: number;
  connections: number;
  warmUpMs: number;
  measureMs: number;
  /**
   * Open loop: requests are due at this rate, and their latency counts from when they were due. Without it
   * the loop is closed: each connection sends its next request when it has the answer to the last.
   */
  perSecond?: number;
}

export interface LoadReport {
  /** Answers 2xx within the measured time; latencies are of those. */
  perSecond: number;
  p50Ms: number;
  p90Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
  /** Answers 2xx of the whole run, warm-up included. */
  ok: number;
  /** Other answers of the whole run. */
  refused: number;
  /** Those by status. */
  refusals: Record<string, number>;
  /** Since a refusal was sent; absent when there was none. */
  refusedP99Ms?: number;
  /** Requests of the whole run that had no answer when it ended; a measured one counts as late as that. */
  unanswered: number;
  /** Open loop: how late the generator itself sent what was due while a connection was free, p99. */
  lateP99Ms?: number;
  /** Open loop: p99 of the answers 2xx since they were sent, without the wait for a free connection. */
  sentP99Ms?: number;
  /** CPU time of the generator itself, whole run. */
  cpuMicros: number;
  /** The same as cores that it kept busy, until the end of the measured time. */
  cores: number;
}

export const keyDigits = 9;

/**
 * Twelve characters that are base64 as they stand: etcd's HTTP gateway takes only that, and so every store
 * gets the same requests.
 */
export function keyOf(number: number): string {
  return `key${String(number).padStart(keyDigits, '0')}`;
}

/** A JSON string of so many bytes, quotes included. */
export function jsonOf(bytes: number): string {
  return JSON.stringify('x'.repeat(Math.max(0, bytes - 2)));
}

/** The bytes on the wire, for one key. */
export function requestText({ method, path, body, headers = {} }: LoadRequest, key: string): string {
  const content = body?.replaceAll('{key}', key);
  const json = content === undefined ? {} : { 'content-type': 'application/json' };
  const length = content === undefined && method === 'GET' ? {} : { 'content-length': content?.length ?? 0 };
  const lines = Object.entries({ host: 'bench', ...json, ...length, ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${method} ${path.replaceAll('{key}', key)} HTTP/1.1\r\n${head}\r\n${content ?? ''}`;
}
