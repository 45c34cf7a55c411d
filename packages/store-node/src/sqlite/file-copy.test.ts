import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { equalDigest } from '@driftless/contracts';
import { systemClock } from '@driftless/runtime';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { put, TestReplica } from '../testing/replica.ts';
import { CheckpointThread } from './checkpoint-thread.ts';
import { SqliteStore } from './store.ts';

const pagesPerTurn = 64;
/** Writes while a copy is made: endless ones would outrun the copying by pages. */
const writesMax = 100;

let directory: string;
let stores: SqliteStore[];
let errors: Error[];
let walCheckpointPages: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'driftless-copy-'));
  [stores, errors, walCheckpointPages] = [[], [], 10_000];
});
afterEach(() => {
  vi.restoreAllMocks();
  for (const store of stores) store.close();
  rmSync(directory, { recursive: true });
  expect(errors).toEqual([]);
});

function open(name: string, thread?: CheckpointThread): SqliteStore {
  const checkpoints = thread && { thread, onError: (error: Error) => void errors.push(error) };
  const limits = { pageBytes: 2048, walCheckpointPages, headsCachedMax: 4, checkpoints };
  const store = new SqliteStore({ file: join(directory, name), cluster: 'test', shard: 0, ...limits });
  stores.push(store);
  return store;
}

function filled(thread?: CheckpointThread): { store: SqliteStore; replica: TestReplica } {
  const store = open('shard-0.db', thread);
  const replica = new TestReplica(store);
  replica.startEpoch(1);
  for (let i = 0; i < 30; i += 1) replica.write([put(`large-${i}`, 'x'.repeat(200_000))]);
  return { store, replica };
}

/** Makes a copy while rows are written in every turn; the copy, opened. */
async function copied({ store, replica }: ReturnType<typeof filled>, valueBytes: number) {
  const before = replica.state.applied.seq;
  let isDone = false;
  const made = store.backup(join(directory, 'copy.db'), pagesPerTurn).finally(() => {
    isDone = true;
  });
  for (let i = 0; !isDone; i += 1) {
    if (i < writesMax)
      replica.write([put(`large-${i % 30}`, `${i}`), put(`new-${i}`, 'y'.repeat(valueBytes))]);
    await systemClock.turn();
  }
  await made;
  const copy = new TestReplica(open('copy.db'));
  expect(copy.state.applied.seq).toBeGreaterThanOrEqual(before);
  expect(copy.state.applied.seq).toBeLessThanOrEqual(replica.state.applied.seq);
  expect(copy.rootOfRows()).toEqual(copy.state.root);
  expect(equalDigest(copy.store.leavesRoot(), copy.state.root)).toBe(true);
  const database = new Database(join(directory, 'copy.db'), { readonly: true });
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  database.close();
}

describe('a copy of the file', () => {
  for (const thread of [undefined, new CheckpointThread()]) {
    const how = thread ? 'a thread for checkpoints' : 'no thread';
    const byPages = (): number => vi.mocked(Database.prototype.backup).mock.calls.length;

    it(`is of one commit and made of the file, while writes go on, with ${how}`, async () => {
      vi.spyOn(Database.prototype, 'backup');
      const source = filled(thread);
      await copied(source, 10);
      expect(byPages()).toBe(0);
      // It is held no longer: what was written goes over to it.
      await copied(source, 10);
    });

    it(`is made by pages where somebody reads on at an older commit, with ${how}`, async () => {
      vi.spyOn(Database.prototype, 'backup');
      const source = filled(thread);
      const reader = source.store.snapshot();
      expect(reader.entries[Symbol.iterator]().next().done).toBe(false);
      source.replica.write([put('newer', 'x')]);
      await copied(source, 10);
      expect(byPages()).toBe(1);
      reader.close();
    });

    it(`is made by pages where more is written than the WAL may hold, with ${how}`, async () => {
      vi.spyOn(Database.prototype, 'backup');
      walCheckpointPages = 100;
      await copied(filled(thread), 200_000);
      expect(byPages()).toBe(1);
    });
  }

  it('of a store that is closed meanwhile fails', async () => {
    const { store } = filled();
    const made = store.backup(join(directory, 'copy.db'), pagesPerTurn);
    await systemClock.turn();
    store.close();
    stores = [];
    await expect(made).rejects.toThrow('not open');
    expect(existsSync(join(directory, 'copy.db'))).toBe(false);
  });
});
