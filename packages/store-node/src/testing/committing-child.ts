/**
 * For tests: a process that commits batch after batch to a store and is killed in the middle of it. It
 * writes the last seq of each batch to stdout once the commit has returned.
 *
 *     node committing-child.ts <file> <seed>
 */
import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { CheckpointThread } from '../sqlite/checkpoint-thread.ts';
import { SqliteStore } from '../sqlite/store.ts';
import { increment, put, remove, TestReplica } from './replica.ts';

const [file = '', seed = '1'] = process.argv.slice(2);
const checkpoints = {
  thread: new CheckpointThread(),
  onError: (error: Error): never => {
    throw error;
  },
};
const limits = { pageBytes: 4096, walCheckpointPages: 20, headsCachedMax: 4, checkpoints };
const replica = new TestReplica(new SqliteStore({ file, cluster: 'test', shard: 0, ...limits }));
let state = Number(seed);

/** The generator of Numerical Recipes; quality doesn't matter here. */
function below(limit: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state % limit;
}

replica.startEpoch(replica.state.applied.epoch + 1);
function write(): void {
  const requests = Array.from({ length: 1 + below(5) }, () => {
    const key = `key-${below(40)}`;
    const idempotency = { idempotency: { id: `id-${below(1000)}`, fingerprint: 'f' } };
    return below(3) === 0 ? remove(key, idempotency) : put(key, 'x'.repeat(below(3000)));
  });
  replica.write([...requests, increment('counter')]);
}

for (;;) {
  if (below(3) > 0) write();
  else
    replica.store.together(() => {
      for (let left = 1 + below(4); left > 0; left -= 1) write();
    });
  writeSync(1, `${replica.state.applied.seq}\n`);
  // Lets the thread of the checkpoints say that it is done.
  await setImmediate();
}
