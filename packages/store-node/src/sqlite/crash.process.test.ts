import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TestReplica } from '../testing/replica.ts';
import { SqliteStore } from './store.ts';

const child = join(import.meta.dirname, '../testing/committing-child.ts');
const seed = Number(process.env.DRIFTLESS_SEED ?? 1);
const runs = 10;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'driftless-crash-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Lets a process commit `batches` times, kills it with -9 at once, and gives the last seq that it told. */
async function commitAndDie(file: string, seed: number, batches: number): Promise<number> {
  const options = { stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'] };
  const committing = spawn(process.execPath, [child, file, String(seed)], options);
  const ended = once(committing, 'exit');
  let [told, count] = [0, 0];
  for await (const line of createInterface({ input: committing.stdout })) {
    told = Number(line);
    count += 1;
    if (count === batches) committing.kill('SIGKILL');
  }
  expect(await ended, 'died by the signal, not by an error').toEqual([null, 'SIGKILL']);
  return told;
}

it(`S6 killed with -9 between or in commits, the store holds a prefix of them (seed ${seed})`, async () => {
  const file = join(directory, 'shard.db');
  for (let run = 0; run < runs; run += 1) {
    const told = await commitAndDie(file, seed + run, 1 + (((seed + run) * 37) % 120));
    const options = {
      file,
      cluster: 'test',
      shard: 0,
      pageBytes: 4096,
      walCheckpointPages: 20,
      headsCachedMax: 4,
    };
    const replica = new TestReplica(new SqliteStore(options));
    const { applied, root } = replica.state;
    expect(applied.seq, 'nothing that a commit returned for is missing').toBeGreaterThanOrEqual(told);
    expect(replica.store.logRange()).toEqual({ firstSeq: 1, lastSeq: applied.seq });
    expect(replica.rootOfRows()).toEqual(root);
    expect(replica.store.leavesRoot()).toEqual(root);
    // The log from its start leads to the very same rows, so nothing of an unfinished commit is there.
    const again = new TestReplica();
    expect(again.followLogOf(replica)).toEqual([]);
    expect(again.state.applied).toEqual(applied);
    expect(again.rows()).toEqual(replica.rows());
    replica.store.close();
  }
});
