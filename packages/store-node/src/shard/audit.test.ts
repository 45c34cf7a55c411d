import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { equalDigest } from '@driftless/contracts';
import { systemClock } from '@driftless/runtime';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteStore } from '../sqlite/store.ts';
import { put, remove, TestReplica } from '../testing/replica.ts';
import { auditAll } from './audit.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'driftless-audit-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const limits = { pageBytes: 2048, walCheckpointPages: 1000, headsCachedMax: 10 };
const opened = (): SqliteStore => {
  return new SqliteStore({ ...limits, file: join(directory, 'shard-0.db'), cluster: 'test', shard: 0 });
};

/** A copy with rows of many kinds, which `spoil` does something to. */
async function audited(spoil: (database: Database.Database) => void) {
  const made = opened();
  const replica = new TestReplica(made);
  replica.write(Array.from({ length: 1100 }, (_, i) => put(`key-${i}`, `value ${i}`)));
  replica.write([
    remove('key-5'),
    put('ß 😀', '\0\n', { expiresAt: 2 ** 42 }),
    put('large', 'x'.repeat(500_000)),
  ]);
  replica.write(Array.from({ length: 20 }, (_, i) => put(`large-${i}`, 'x'.repeat(400_000))));
  made.close();
  const database = new Database(join(directory, 'shard-0.db'));
  spoil(database);
  database.close();
  const copy = opened();
  try {
    const { root, corruptRows } = await auditAll(copy, systemClock);
    return { corruptRows, hasRoot: equalDigest(root, copy.state().root) };
  } finally {
    copy.close();
  }
}

describe('the audit of a copy', () => {
  it('finds the root of sound rows', async () => {
    expect(await audited(() => undefined)).toEqual({ corruptRows: 0, hasRoot: true });
  });

  const rotten = {
    'a value': "value = CAST('value 8' AS BLOB)",
    'a key': "key = 'key-x'",
    'a content type': "content_type = 'text/plaim'",
    'an epoch': 'epoch = 2',
    'a seq': 'seq = seq + 1',
    'what was deleted': 'tombstone = 1',
    'when it expires': 'expires_at = 7',
  };
  for (const [what, set] of Object.entries(rotten)) {
    it(`finds that ${what} has rotted`, async () => {
      const found = await audited((database) => {
        database.exec(`UPDATE entries SET ${set} WHERE key = 'key-7'`);
      });
      expect(found).toEqual({ corruptRows: 1, hasRoot: false });
    });
  }

  it('finds that the digest beside a row has rotted, and keeps its place', async () => {
    const cut = (to: string) => (database: Database.Database) => {
      database.exec(`UPDATE entries SET digest = ${to} WHERE key = 'key-7'`);
    };
    expect(await audited(cut('zeroblob(16)'))).toEqual({ corruptRows: 1, hasRoot: true });
    rmSync(join(directory, 'shard-0.db'));
    expect(await audited(cut('zeroblob(15)'))).toEqual({ corruptRows: 1, hasRoot: false });
  });

  it('finds that a row is missing', async () => {
    const found = await audited((database) => void database.exec("DELETE FROM entries WHERE key = 'key-7'"));
    expect(found).toEqual({ corruptRows: 0, hasRoot: false });
  });

  // One flipped bit makes bytes of a text: the very same ones, where no lookup by the key finds them.
  const types = {
    key: 'CAST(key AS BLOB)',
    content_type: 'CAST(content_type AS BLOB)',
    value: 'CAST(value AS TEXT)',
  };
  for (const [column, as] of Object.entries(types)) {
    it(`finds that ${column} is of another type, though its bytes are the same`, async () => {
      const found = await audited((database) => {
        database.unsafeMode();
        database.pragma('writable_schema = ON');
        const kept = database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'entries'").pluck().get();
        const name = "WHERE name = 'entries'";
        database.exec(
          `UPDATE sqlite_schema SET sql = replace(replace(sql, 'STRICT', ''), ' TEXT', '') ${name}`,
        );
        const file = new Database(database.name);
        file.exec(`UPDATE entries SET ${column} = ${as} WHERE key = 'key-7'`);
        file.close();
        database.prepare(`UPDATE sqlite_schema SET sql = ? ${name}`).run(kept);
      });
      expect(found).toEqual({ corruptRows: 1, hasRoot: false });
    });
  }
});
