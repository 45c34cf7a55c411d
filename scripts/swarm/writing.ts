/** Writes that go on while something is done to a cluster: some at a time, one after the other. */
import type { DriftlessClient } from '@driftless/client';

const atOnce = 4;

export interface Written {
  keys: readonly string[];
  failures: readonly string[];
  slowestMs: number;
}

export class Writing {
  readonly #client: DriftlessClient;
  readonly #prefix: string;
  readonly #written = { keys: [] as string[], failures: [] as string[], slowestMs: 0 };
  readonly #loops: Promise<unknown>;
  #isOver = false;

  constructor(client: DriftlessClient, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
    this.#loops = Promise.all(Array.from({ length: atOnce }, (_, loop) => this.#write(loop)));
  }

  /** What is under way ends first. */
  async end(): Promise<Written> {
    this.#isOver = true;
    await this.#loops;
    return this.#written;
  }

  async #write(loop: number): Promise<void> {
    for (let i = 0; !this.#isOver; i += 1) {
      const key = `${this.#prefix}${loop}-${i}`;
      const startedAt = performance.now();
      try {
        await this.#client.putJson(key, { loop, i });
        this.#written.keys.push(key);
      } catch (error) {
        this.#written.failures.push(error instanceof Error ? error.message : String(error));
      }
      this.#written.slowestMs = Math.max(this.#written.slowestMs, performance.now() - startedAt);
    }
  }
}
