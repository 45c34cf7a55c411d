import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { put, TestReplica } from '../testing/replica.ts';
import { begin, end, newProgress, takeBack } from './checkpoint-order.ts';
import { CheckpointThread } from './checkpoint-thread.ts';
import { SqliteStore } from './store.ts';

const pageBytes = 1024;
const walCheckpointPages = 50;
/** What SQLite says when it has copied a WAL: [busy, pages, copied]. */
type Sizes = [busy: number, pages: number, copied: number];

let directory: string;
let file: string;
let thread: CheckpointThread;
let errors: Error[];
let ended: (() => void) | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'driftless-wal-'));
  file = join(directory, 'shard.db');
  [thread, errors, ended] = [new CheckpointThread(), [], undefined];
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Tells when an order of a store has ended. */
const watched = {
  order(orderedFile: string, done: (error: Error | undefined) => void) {
    return thread.order(orderedFile, (error) => {
      done(error);
      ended?.();
    });
  },
} as CheckpointThread;

function open(): TestReplica {
  const checkpoints = { thread: watched, onError: (error: Error) => void errors.push(error) };
  const limits = { pageBytes, walCheckpointPages, headsCachedMax: 4, checkpoints };
  return new TestReplica(new SqliteStore({ file, cluster: 'test', shard: 0, ...limits }));
}

/** Writes until the WAL has so many pages, and lets nobody else have a turn. */
function fill(replica: TestReplica, pages: number): void {
  for (let i = 0; sizes()[1] < pages; i += 1) replica.write([put(`key-${i % 20}`, 'x'.repeat(900))]);
}

function sizes(): Sizes {
  const database = new Database(file);
  try {
    return database.prepare('PRAGMA wal_checkpoint(NOOP)').raw().get() as Sizes;
  } finally {
    database.close();
  }
}

/** Of a thread of this process, by its name. */
function nicenessOf(name: string): number {
  const ids = readdirSync('/proc/self/task').map(Number);
  const id = ids.find((one) => readFileSync(`/proc/self/task/${one}/comm`, 'utf8').trim() === name);
  if (id === undefined) throw new Error(`There is no thread ${name}.`);
  return getPriority(id);
}

const orderEnded = (): Promise<void> =>
  new Promise((resolve) => {
    ended = resolve;
  });

describe('the write-ahead log of a store with a thread for checkpoints', () => {
  it('goes over to the file once it has its pages, all of it, and begins anew', async () => {
    const replica = open();
    replica.startEpoch(1);
    const over = orderEnded();
    fill(replica, walCheckpointPages);
    // The thread may have begun; what is written after its second pass is for the one that commits.
    await over;
    const [, pages, copied] = sizes();
    expect(pages).toBeGreaterThanOrEqual(walCheckpointPages);
    expect(copied, 'all of it').toBe(pages);
    replica.write([put('a', 'b')]);
    expect(sizes()[1], 'begun anew').toBeLessThan(walCheckpointPages);
    expect(errors).toEqual([]);
    replica.store.close();
  });

  it('is bounded when the thread does not follow', () => {
    const replica = open();
    replica.startEpoch(1);
    // No turn of the event loop: nobody hears of the thread.
    for (let i = 0; i < 400; i += 1) replica.write([put(`key-${i % 20}`, 'x'.repeat(900))]);
    // Four times its pages, and what one more commit can bring: the leaves are 64 pages.
    const bound = (walCheckpointPages * 4 + 100) * pageBytes;
    expect(400 * 900, 'written').toBeGreaterThan(bound);
    expect(statSync(`${file}-wal`).size).toBeLessThan(bound);
    replica.store.close();
  });

  it.runIf(process.platform === 'linux')(
    'gives way to other threads, and makes none of them give way',
    async () => {
      const replica = open();
      replica.startEpoch(1);
      const over = orderEnded();
      fill(replica, walCheckpointPages);
      await over;
      expect(nicenessOf('checkpoints')).toBe(Math.min(19, getPriority(0) + 10));
      expect(getPriority(process.pid)).toBe(getPriority(0));
      replica.store.close();
    },
  );

  it('leaves the file to nobody when the store is closed, whatever was ordered', () => {
    for (let round = 0; round < 20; round += 1) {
      const replica = open();
      replica.startEpoch(round + 1);
      fill(replica, walCheckpointPages);
      const { applied, root } = replica.state;
      replica.store.close();
      renameSync(file, `${file}.moved`);
      renameSync(`${file}.moved`, file);
      const again = open();
      expect(again.state).toMatchObject({ applied, root });
      expect(again.rootOfRows()).toEqual(root);
      again.store.close();
    }
    expect(errors).toEqual([]);
  });

  it('tells of a checkpoint that failed, and goes on', async () => {
    const order = new Promise<Error | undefined>((done) => thread.order(join(directory, 'none.db'), done));
    expect((await order)?.message).toMatch(/unable to open database file/);
    const replica = open();
    replica.startEpoch(1);
    const over = orderEnded();
    fill(replica, walCheckpointPages);
    await over;
    expect(errors).toEqual([]);
    replica.store.close();
  });
});

describe('an order', () => {
  it('that is taken back is not begun; one that has ended can be taken back', () => {
    const order = { id: 1, file: '', progress: newProgress() };
    takeBack(order);
    expect(begin(order)).toBe(false);
    const other = { id: 2, file: '', progress: newProgress() };
    expect(begin(other)).toBe(true);
    end(other);
    takeBack(other);
  });
});
