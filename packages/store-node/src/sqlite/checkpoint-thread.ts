/**
 * One thread a process that copies what is in the WALs to the database files. A checkpoint of 16,000 pages
 * takes some 30 ms, during which a thread that writes would answer nobody.
 */
import { Worker } from 'node:worker_threads';
import { type CheckpointOrder, type CheckpointReport, newProgress } from './checkpoint-order.ts';

type Done = (error: Error | undefined) => void;

export class CheckpointThread {
  readonly #done = new Map<number, Done>();
  #worker: Worker | undefined;
  #orders = 0;

  /** The thread is started by the first order, and keeps no process alive. */
  order(file: string, done: Done): CheckpointOrder {
    this.#orders += 1;
    const order = { id: this.#orders, file, progress: newProgress() };
    this.#done.set(order.id, done);
    this.#worker ??= this.#start();
    this.#worker.postMessage(order);
    return order;
  }

  #start(): Worker {
    const worker = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), {
      name: 'checkpoints',
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
    });
    worker.unref();
    worker.on('message', ({ id, error }: CheckpointReport) => {
      this.#done.get(id)?.(error);
      this.#done.delete(id);
    });
    return worker;
  }
}
