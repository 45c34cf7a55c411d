/**
 * What passes between the thread that writes a file and the one that checkpoints it. The order carries a word
 * of shared memory, so that a store can be closed at any time: an order that is not begun is taken back, and
 * for one that is, the store waits. No file may be renamed or removed while SQLite has it open somewhere.
 */
export interface CheckpointOrder {
  id: number;
  file: string;
  progress: Int32Array<SharedArrayBuffer>;
}

export interface CheckpointReport {
  id: number;
  /** The file is left as it was, or half copied, which is no harm: the WAL still has everything. */
  error?: Error;
}

const [ordered, running, over] = [0, 1, 2];

export function newProgress(): CheckpointOrder['progress'] {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

/** False: the order was taken back, the file must not be touched. */
export function begin({ progress }: CheckpointOrder): boolean {
  return Atomics.compareExchange(progress, 0, ordered, running) === ordered;
}

export function end({ progress }: CheckpointOrder): void {
  Atomics.store(progress, 0, over);
  Atomics.notify(progress, 0);
}

/** When this returns, nobody has the file open for that order, nor will. */
export function takeBack({ progress }: CheckpointOrder): void {
  if (Atomics.compareExchange(progress, 0, ordered, over) === running) Atomics.wait(progress, 0, running);
}
