import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bucketCount, bucketOf, formatDigest, parseDigest } from '@driftless/contracts';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { changeOf } from '../core/change.ts';
import { unknownSet } from '../core/state.ts';
import { allOf, storeCases } from '../store/acceptance.ts';
import { MemoryStore } from '../store/memory.ts';
import type { ShardStore } from '../store/port.ts';
import { put, TestReplica, text } from '../testing/replica.ts';
import { anyRequest } from '../testing/requests.ts';
import { prepare } from './statements.ts';
import { SqliteStore } from './store.ts';

let directory: string;
let stores: SqliteStore[];
let now: number;
let files: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'driftless-store-'));
  [stores, now, files] = [[], 0, 0];
});
afterEach(() => {
  for (const store of stores) store.close();
  rmSync(directory, { recursive: true });
});

function nextFile(): string {
  files += 1;
  return `${files}.db`;
}

function open(file = nextFile(), cluster = 'test', shard = 0): SqliteStore {
  const limits = { pageBytes: 4096, walCheckpointPages: 100, headsCachedMax: 4 };
  const store = new SqliteStore({ file: join(directory, file), cluster, shard, ...limits }, () => now);
  stores.push(store);
  return store;
}

function close(store: SqliteStore): void {
  store.close();
  stores = stores.filter((other) => other !== store);
}

function leavesOf(store: ShardStore): string {
  return Array.from({ length: bucketCount }, (_, bucket) => formatDigest(store.leaf(bucket))).join();
}

/** Of the rows. */
function indexesIn(file: string): unknown[] {
  const database = new Database(join(directory, file), { readonly: true });
  try {
    const sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'entries'";
    return database.prepare(sql).pluck().all();
  } finally {
    database.close();
  }
}

const withoutParts = 'DROP INDEX entries_by_part_and_bucket;';
const withoutBuckets = `${withoutParts} ALTER TABLE entries DROP COLUMN bucket;`;

const withoutCollection = `
  DROP INDEX tombstones;
  DROP INDEX expiring;
  ALTER TABLE meta DROP COLUMN collected_seq;
  ALTER TABLE meta DROP COLUMN collected_epoch;`;

/** As files were in format 4. */
function makeFourthFormat(file: string): void {
  const database = new Database(file);
  database.exec(`${withoutParts} CREATE INDEX entries_by_bucket ON entries (bucket);`);
  database.pragma('user_version = 4');
  database.close();
}
/** As files were in format 3. */
function makeThirdFormat(file: string): void {
  const database = new Database(file);
  database.exec(withoutBuckets + withoutCollection);
  database.pragma('user_version = 3');
  database.close();
}
/** As files were in format 1. */
function makeFirstFormat(file: string, leaves: readonly string[]): void {
  const database = new Database(file);
  database.exec(withoutBuckets + withoutCollection);
  database.exec(`
    DROP TABLE sets;
    DROP TABLE leaves;
    ALTER TABLE log DROP COLUMN leaf_moves;
    CREATE TABLE buckets (bucket INTEGER PRIMARY KEY, digest BLOB NOT NULL) STRICT;`);
  const put = database.prepare('INSERT INTO buckets VALUES (?, ?)');
  for (const [bucket, digest] of leaves.entries()) put.run(bucket, parseDigest(digest));
  database.pragma('user_version = 1');
  database.close();
}

describe('the store on SQLite', () => {
  it.each(Object.entries(storeCases))('%s', (_, check) => {
    check({
      make: () => open(),
      setNow: (to) => {
        now = to;
      },
    });
  });

  it('S3 opened again it is what it was; and at every step what the store in memory is', () => {
    const batches = fc.array(fc.array(anyRequest, { maxLength: 6 }), { maxLength: 5, size: 'max' });
    fc.assert(
      fc.property(batches, batches, (common, orphaned) => {
        const file = nextFile();
        const [sqlite, memory] = [new TestReplica(open(file)), new TestReplica(new MemoryStore(() => 0))];
        const peer = new TestReplica(new MemoryStore(() => 0));
        for (const replica of [sqlite, memory]) {
          replica.startEpoch(1);
          for (const requests of common) replica.write(requests);
        }
        peer.followLogOf(memory);
        peer.startEpoch(2);
        for (const replica of [sqlite, memory]) {
          for (const requests of orphaned) replica.write(requests);
          replica.followLogOf(peer);
        }
        const all = allOf(sqlite.store);
        expect(all).toEqual(allOf(memory.store));
        close(sqlite.store as SqliteStore);
        expect(allOf(open(file))).toEqual(all);
      }),
      { numRuns: 25 },
    );
  });

  it.each([1, 5, 127, 128, 129, 300])(
    'S3 has all its leaves again after %i commits, its log trimmed',
    (commits) => {
      const replica = new TestReplica(open('leaves.db'));
      replica.startEpoch(1);
      for (let i = 1; i < commits; i += 1) replica.write([put(`k${i % 50}`, `v${i}`)]);
      const leaves = leavesOf(replica.store);
      close(replica.store as SqliteStore);
      const again = open('leaves.db');
      expect(leavesOf(again)).toEqual(leaves);
      again.trimLog(Math.ceil(commits / 2), Number.POSITIVE_INFINITY);
      close(again);
      expect(leavesOf(open('leaves.db'))).toEqual(leaves);
    },
  );

  it('writes a row anew that is not any more where it was remembered to be', () => {
    const file = nextFile();
    const replica = new TestReplica(open(file));
    replica.startEpoch(1);
    for (const value of ['1', '2', '3']) replica.write([put('a', value), put('b', value)]);
    const other = new Database(join(directory, file));
    other.exec(`UPDATE entries SET key = 'c' WHERE key = 'a'; DELETE FROM entries WHERE key = 'b'`);
    other.close();
    replica.write([put('a', '4'), put('b', '4')]);
    const values = replica.store
      .list({ prefix: '', after: '', limit: 9 })
      .map(({ key, value }) => key + text(value));
    expect(values).toEqual(['a4', 'b4', 'c3']);
  });

  it('S3 has all its leaves again after a cut that moved none of them', () => {
    const replica = new TestReplica(open('cut.db'));
    const peer = new TestReplica(new MemoryStore(() => 0));
    replica.startEpoch(1);
    replica.write([put('a', '1')]);
    peer.followLogOf(replica);
    replica.startEpoch(2);
    replica.startEpoch(3);
    replica.store.trimLog(1, Number.POSITIVE_INFINITY);
    peer.startEpoch(4);
    peer.write([put('b', '2')]);
    replica.followLogOf(peer);
    const leaves = leavesOf(replica.store);
    expect(leaves).toEqual(leavesOf(peer.store));
    close(replica.store as SqliteStore);
    expect(leavesOf(open('cut.db'))).toEqual(leaves);
  });

  it('S3 keeps every field of its state', () => {
    const store = open('state.db');
    const digest = new Uint8Array(16).fill(9);
    const state = {
      applied: { epoch: 3, seq: 2 ** 40 },
      root: digest,
      drift: new Uint8Array(16).fill(8),
      suspect: true,
      settleSeq: 5,
      collected: { seq: 4, epoch: 2 },
      confirmedSeq: 6,
      streamSeq: 7,
      streamCreatedAt: '2026-01-01T00:00:00.123456789Z',
      set: unknownSet,
    };
    store.saveState(state);
    close(store);
    expect(open('state.db').state()).toEqual(state);
  });

  it('S3 upgrades a file of the first format, with what it holds', () => {
    const file = 'old.db';
    const before = new TestReplica(open(file));
    before.startEpoch(1);
    before.write([put('a', '1'), put('b', '2')]);
    const leaves = leavesOf(before.store);
    close(before.store as SqliteStore);
    makeFirstFormat(join(directory, file), leaves.split(','));
    const replica = new TestReplica(open(file));
    expect(replica.state).toMatchObject({
      applied: { epoch: 1, seq: 3 },
      set: { seq: 0, members: [] },
      collected: { seq: 0, epoch: 0 },
    });
    expect(leavesOf(replica.store)).toEqual(leaves);
    replica.startEpoch(2, 'a', ['a', 'b']);
    replica.write([put('b', '3')]);
    expect(replica.store.sets()).toEqual([{ seq: 4, members: ['a', 'b'] }]);
    const all = allOf(replica.store);
    close(replica.store as SqliteStore);
    expect(allOf(open(file))).toEqual(all);
    expect(all.leaves).toEqual([...replica.state.root]);
  });

  it('S3 upgrades a file of the third format: every row names its bucket', () => {
    const file = 'third.db';
    const keys = Array.from({ length: 200 }, (_, i) => `key-${i}`);
    const before = new TestReplica(open(file));
    before.startEpoch(1);
    before.write(keys.map((key) => put(key, key)));
    const all = allOf(before.store);
    close(before.store as SqliteStore);
    makeThirdFormat(join(directory, file));
    const replica = new TestReplica(open(file));
    expect(allOf(replica.store)).toEqual(all);
    for (const key of keys) {
      const rows = replica.store.bucketRows(bucketOf(key));
      expect(rows.map((row) => row.key)).toContain(key);
      expect(rows.every((row) => bucketOf(row.key) === bucketOf(key))).toBe(true);
    }
    replica.write([put('key-1', 'other'), put('new', 'row')]);
    expect(replica.store.bucketRows(bucketOf('new')).map(({ key }) => key)).toContain('new');
    expect(replica.rootOfRows()).toEqual(replica.state.root);
    close(replica.store as SqliteStore);
    expect(indexesIn(file)).toContain('entries_by_part_and_bucket');
  });

  it('S3 upgrades a file of the fourth format: its index of buckets is in parts', () => {
    const file = 'fourth.db';
    const before = new TestReplica(open(file));
    before.startEpoch(1);
    before.write(Array.from({ length: 200 }, (_, i) => put(`key-${i}`, `${i}`)));
    const [all, inBuckets] = [allOf(before.store), [...before.store.buckets(0)]];
    close(before.store as SqliteStore);
    makeFourthFormat(join(directory, file));
    const replica = new TestReplica(open(file));
    expect(allOf(replica.store)).toEqual(all);
    expect([...replica.store.buckets(0)]).toEqual(inBuckets);
    expect(indexesIn(file)).toContain('entries_by_part_and_bucket');
    expect(indexesIn(file)).not.toContain('entries_by_bucket');
  });

  it('finds the rows of a bucket in every part of the index, where parts are used again too', () => {
    const replica = new TestReplica(open('parts.db'));
    replica.startEpoch(1);
    const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`);
    const database = new Database(join(directory, 'parts.db'));
    for (const key of keys) {
      replica.write([put(key, key)]);
      // The next row gets an id so much larger that it is some parts away, and past the last part in the end.
      database.exec('UPDATE entries SET id = id + 40 * 4096 WHERE id = (SELECT max(id) FROM entries)');
    }
    const ids = database.prepare('SELECT max(id) FROM entries').pluck().get();
    expect(ids).toBeGreaterThan(256 * 4096);
    database.close();
    for (const key of keys) {
      expect(replica.store.bucketRows(bucketOf(key)).map((row) => row.key)).toContain(key);
    }
    const inTurn = [...replica.store.buckets(0)];
    expect(inTurn.flatMap(([, rows]) => rows.map(({ key }) => key)).sort()).toEqual([...keys].sort());
    expect(inTurn.every(([bucket, rows]) => rows.every(({ key }) => bucketOf(key) === bucket))).toBe(true);
  });

  it('reads few rows at a time of many that came since buckets were read last', () => {
    const replica = new TestReplica(open('came.db'));
    replica.startEpoch(1);
    replica.write([put('first', 'x')]);
    const buckets = (): number => [...replica.store.buckets(0)].length;
    expect(buckets()).toBe(1);
    replica.write(Array.from({ length: 4000 }, (_, i) => put(`key-${i}`, 'x')));
    const all = vi.spyOn(Object.getPrototypeOf(new Database(':memory:').prepare('SELECT 1')), 'all');
    expect(buckets()).toBeGreaterThan(1000);
    const most = Math.max(...all.mock.results.map(({ value }) => (value as unknown[]).length));
    all.mockRestore();
    expect(most).toBeLessThan(400);
  });

  it('S3 refuses the file of another cluster, shard or format, and leaves it alone', () => {
    close(open('own.db'));
    expect(() => open('own.db', 'other')).toThrow('belongs to shard 0 of cluster "test"');
    expect(() => open('own.db', 'test', 1)).toThrow('belongs to shard 0');
    const database = new Database(join(directory, 'own.db'));
    database.pragma('user_version = 99');
    database.close();
    expect(() => open('own.db')).toThrow('format 99');
  });

  it('S8 finds what may go without looking at other rows', () => {
    close(open('plans.db'));
    const database = new Database(join(directory, 'plans.db'), { readonly: true });
    const { tombstones, expired, countTombstones } = prepare(database);
    const planOf = ({ source }: Database.Statement): string => {
      const steps = database.prepare(`EXPLAIN QUERY PLAN ${source.replaceAll('?', '1')}`).all();
      return (steps as { detail: string }[]).map(({ detail }) => detail).join();
    };
    expect(planOf(tombstones)).toMatch(/^SEARCH entries USING INDEX tombstones \(seq<\?\)$/);
    expect(planOf(expired)).toMatch(/^SEARCH entries USING INDEX expiring \(expires_at<\?\)$/);
    expect(planOf(countTombstones)).toContain('INDEX tombstones');
    database.close();
  });

  it('S1 holds on where synced and written commits take turns', () => {
    const replica = new TestReplica(open('turns.db'));
    const follower = new TestReplica(open('follower.db'));
    replica.startEpoch(1);
    for (let i = 0; i < 10; i += 1) replica.write([put(`k${i}`, 'v')]);
    follower.followLogOf(replica);
    follower.startEpoch(2);
    follower.write([put('x', 'y')]);
    expect(follower.rootOfRows()).toEqual(follower.state.root);
  });

  it('S1 leaves nothing of commits together of which one fails', () => {
    const file = nextFile();
    const replica = new TestReplica(open(file));
    replica.startEpoch(1);
    replica.write([put('a', '1')]);
    const { store } = replica;
    const before = allOf(store);
    const failing = (): void =>
      store.together(() => {
        replica.write([put('a', '2'), put('b', '2')]);
        store.commit(changeOf({ state: replica.state, quarantine: [{ name: 'x' } as never] }));
      });
    expect(failing).toThrow();
    close(store as SqliteStore);
    expect(allOf(open(file))).toEqual(before);
  });

  it('S1 runs in WAL mode, so that a snapshot holds up nobody', () => {
    const replica = new TestReplica(open('wal.db'));
    replica.startEpoch(1);
    const snapshot = replica.store.snapshot();
    for (let i = 0; i < 200; i += 1) replica.write([put('k', 'x'.repeat(10_000))]);
    expect([...snapshot.entries]).toEqual([]);
    snapshot.close();
    const database = new Database(join(directory, 'wal.db'), { readonly: true });
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
    database.close();
  });
});

it('shows what the disk holds of a bucket, not what it remembers of it', () => {
  const store = open('rots.db');
  const replica = new TestReplica(store);
  replica.startEpoch(1);
  replica.write([put('k', 'a value on its way')]);
  const bucket = bucketOf('k');
  expect(store.bucketRows(bucket).map(({ value }) => String(Buffer.from(value)))).toEqual([
    'a value on its way',
  ]);
  for (const suffix of ['', '-wal']) {
    const path = join(directory, `rots.db${suffix}`);
    const file = openSync(path, 'r+');
    for (
      let at = readFileSync(path).indexOf('a value');
      at >= 0;
      at = readFileSync(path).indexOf('a value')
    ) {
      writeSync(file, Buffer.from('A'), 0, 1, at);
    }
    closeSync(file);
  }
  expect(store.bucketRows(bucket).map(({ value }) => String(Buffer.from(value)))).toEqual([
    'A value on its way',
  ]);
});
