import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { put, TestReplica } from '../testing/replica.ts';
import { ShardFiles } from './files.ts';
import type { SqliteStore } from './store.ts';

let directory: string;
let damages: string[];
let open: SqliteStore[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'driftless-files-'));
  [damages, open] = [[], []];
});
afterEach(() => {
  for (const store of open) store.close();
  rmSync(directory, { recursive: true });
});

function openFiles(folder: string): SqliteStore {
  const limits = { pageBytes: 4096, walCheckpointPages: 100, headsCachedMax: 4 };
  const onDamage = (reason: string) => void damages.push(reason);
  const files = new ShardFiles({
    directory: join(directory, folder),
    cluster: 'test',
    shard: 0,
    ...limits,
    onDamage,
  });
  const store = files.open();
  open.push(store);
  return store;
}

/** A folder as a killed node leaves it, with some rows. */
function killed(): string {
  const replica = new TestReplica(openFiles('running'));
  for (let i = 0; i < 200; i += 1) replica.write([put(`key-${i}`, 'x'.repeat(100))]);
  cpSync(join(directory, 'running'), join(directory, 'killed'), { recursive: true });
  return join(directory, 'killed', 'shard-0.db');
}

describe('files of a shard', () => {
  it('of a killed node are opened as they are', () => {
    killed();
    expect(openFiles('killed').get('key-7')).toBeDefined();
    expect(damages).toEqual([]);
  });

  it('that are no database are set aside, and the replica begins empty', () => {
    const file = killed();
    const handle = openSync(file, 'r+');
    writeSync(handle, 'not a database at all', 0);
    closeSync(handle);
    const store = openFiles('killed');
    // The log beside it may hold the first page still.
    if (damages.length === 0) expect(store.get('key-7')).toBeDefined();
    else expect(store.state().applied.seq).toBe(0);
  });

  it('that were truncated are set aside, and the replica begins empty', () => {
    const file = killed();
    rmSync(`${file}-wal`);
    truncateSync(file, Math.floor(statSync(file).size / 2));
    const store = openFiles('killed');
    expect(store.state().applied.seq).toBe(0);
    expect(damages).toHaveLength(1);
    expect(existsSync(`${file}.damaged`)).toBe(true);
  });

  it('whose tables were changed by a flipped bit are set aside, and the replica begins empty', () => {
    const file = killed();
    const database = new Database(file);
    database.unsafeMode();
    database.pragma('writable_schema = ON');
    database.exec("UPDATE sqlite_schema SET sql = replace(sql, 'first_seq', 'fir3t_seq') WHERE name = 'log'");
    database.close();
    expect(openFiles('killed').state().applied.seq).toBe(0);
    expect(damages).toEqual(['no such column: first_seq']);
    expect(existsSync(`${file}.damaged`)).toBe(true);
  });

  it('of another cluster are left alone', () => {
    const file = killed();
    const database = new Database(file);
    database.exec("UPDATE meta SET cluster = 'other'");
    database.close();
    expect(() => openFiles('killed')).toThrow('belongs to shard 0 of cluster "other"');
    expect(damages).toEqual([]);
    expect(existsSync(file)).toBe(true);
  });
});
