/** Threads that run plans side by side. */
import { Worker } from 'node:worker_threads';
import type { Done, Job } from './worker.ts';

interface Waiting {
  job: Job;
  resolve(done: Done): void;
  reject(error: Error): void;
}

export class Pool {
  readonly #idle: Worker[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #busy = new Map<Worker, Waiting>();

  constructor(threads: number) {
    for (let i = 0; i < threads; i += 1) {
      const worker = new Worker(new URL('./worker.ts', import.meta.url));
      worker.on('message', (done: Done) => this.#ended(worker)?.resolve(done));
      worker.on('error', (error: Error) => this.#ended(worker)?.reject(error));
      this.#idle.push(worker);
    }
  }

  run(job: Job): Promise<Done> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#idle, ...this.#busy.keys()].map((worker) => worker.terminate()));
  }

  #ended(worker: Worker): Waiting | undefined {
    const ended = this.#busy.get(worker);
    this.#busy.delete(worker);
    this.#idle.push(worker);
    this.#next();
    return ended;
  }

  #next(): void {
    const [worker, waiting] = [this.#idle.at(-1), this.#waiting[0]];
    if (!worker || !waiting) return;
    this.#idle.pop();
    this.#waiting.shift();
    this.#busy.set(worker, waiting);
    worker.postMessage(waiting.job);
  }
}
