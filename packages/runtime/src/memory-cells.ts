/** `Cells` in memory, for tests and for the simulator: one bucket, which several processes see. */
import { type Cells, type Seen, Unanswered } from './cells.ts';

export class MemoryCells<Value> {
  readonly #cells = new Map<string, Seen<Value>>();
  readonly #away = new Set<string>();
  #revision = 0;

  /** The bucket as one process sees it. */
  as(process: string): Cells<Value> {
    return {
      read: async (key) => {
        this.#reach(process);
        return this.#seen(key);
      },
      write: async (key, value, revision) => {
        this.#reach(process);
        if (this.#seen(key).revision !== revision) return undefined;
        this.#revision += 1;
        this.#cells.set(key, { revision: this.#revision, value: structuredClone(value) });
        return this.#revision;
      },
    };
  }

  /** From now on, or until now, a process gets no answers. */
  setReachable(process: string, reachable: boolean): void {
    if (reachable) this.#away.delete(process);
    else this.#away.add(process);
  }

  /** JetStream lost the bucket; it begins anew. */
  wipe(): void {
    this.#cells.clear();
    this.#revision = 0;
  }

  #reach(process: string): void {
    if (this.#away.has(process)) throw new Unanswered('No answer.');
  }

  #seen(key: string): Seen<Value> {
    return this.#cells.get(key) ?? { revision: 0, value: null };
  }
}
