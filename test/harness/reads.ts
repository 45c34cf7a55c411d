/**
 * Reads beside a load, at each of the levels in turn, of keys that were acknowledged: each must be answered,
 * and with a value that is not older than the acknowledged one where the level promises that.
 */
import type { TestCluster } from './cluster.ts';
import type { Load } from './load.ts';

const levels = ['eventual', 'leader', 'strong'] as const;
const everyMs = 20;
const requestTimeoutMs = 15_000;

export class Reads {
  readonly problems: string[] = [];
  readonly #cluster: TestCluster;
  readonly #load: Load;
  readonly #running = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #count = 0;

  constructor(cluster: TestCluster, load: Load) {
    this.#cluster = cluster;
    this.#load = load;
    this.#timer = setInterval(() => {
      const read = this.#read().finally(() => this.#running.delete(read));
      this.#running.add(read);
    }, everyMs);
  }

  /** Everything that was wrong. */
  async stop(): Promise<string[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
    return this.problems;
  }

  async #read(): Promise<void> {
    const number = this.#count++;
    const level = levels[number % levels.length] ?? 'eventual';
    const acknowledged = this.#load.history.filter(({ outcome }) => outcome === 'ok').at(-1 - (number % 50));
    if (!acknowledged) return;
    const { key, number: written } = acknowledged;
    const url = `${this.#cluster.gatewayUrl}/v1/kv/${encodeURIComponent(key)}?consistency=${level}`;
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(requestTimeoutMs) });
      const text = await answer.text();
      if (answer.ok) {
        const { number: found } = JSON.parse(text) as { number: number };
        if (level !== 'eventual' && found < written) {
          this.problems.push(`${level} ${key}: ${found}, but ${written} was acknowledged before`);
        }
        return;
      }
      // A follower may not have a new key yet.
      if (level === 'eventual' && answer.status === 404) return;
      this.problems.push(`${level} ${key}: ${answer.status} ${text}`);
    } catch (error) {
      this.problems.push(`${level} ${key}: ${String(error)}`);
    }
  }
}
