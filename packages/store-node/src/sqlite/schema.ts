/**
 * The tables of a shard's file, one file a shard. A rowid table with an index on the key beats WITHOUT ROWID
 * for values of 1 KiB; the log has one row a batch. Keys are TEXT compared byte by byte (BINARY), which is
 * UTF-8 order.
 *
 * Version log (`PRAGMA user_version`): 1 — first; 2 — `sets`, the replica sets that the log has named; 3 —
 * leaves as a block and a journal (leaf-journal.ts); 4 — each row names its bucket, so that one bucket can be
 * looked at alone (a key never changes its bucket: only a new row touches that index); which rows may go for
 * good, and which did; 5 — the index of buckets is in parts.
 *
 * Buckets are by hash: in one index of them, each new row would touch a page of its own, and writing these
 * pages was a third of what a new row cost, and more in a large file. So the index is in parts, and rows that
 * come one after the other go to the same one, which is a few pages while it grows. Who looks for a bucket
 * looks in each part: that is one more step for as many rows as there are buckets, about one for each row
 * found. There is a limit on parts, because rows come and go, and few of them may be left of many; beyond it
 * the first part is the next one again.
 */
import { LeafDigests, leavesBytes } from '@driftless/anti-entropy';
import { bucketCount, bucketOf } from '@driftless/contracts';
import Database from 'better-sqlite3';

export const schemaVersion = 5;

const leavesTable = `
CREATE TABLE leaves (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL,
  digests BLOB NOT NULL
) STRICT;`;

const bucketPartsMax = 256;
/** As the power of two: as many as there are buckets. */
const rowsOfPartLog2 = Math.log2(bucketCount);
/** The part of the index of buckets in which a row is; SQLite knows it by this very text. */
export const bucketPartSql = `((id >> ${rowsOfPartLog2}) & ${bucketPartsMax - 1})`;
/** The table `parts` of those that have rows, or may have. */
export const bucketPartsSql = `
  WITH RECURSIVE parts (part) AS (
    SELECT 0 UNION ALL SELECT part + 1 FROM parts
    WHERE part < (SELECT min(max(id) >> ${rowsOfPartLog2}, ${bucketPartsMax - 1}) FROM entries)
  )`;

const bucketIndex = `CREATE INDEX entries_by_part_and_bucket ON entries (${bucketPartSql}, bucket);`;
/** Rows that no reader sees, or that nobody will: few, and only they cost anything. */
const collectableIndexes = `
CREATE INDEX tombstones ON entries (seq) WHERE tombstone = 1;
CREATE INDEX expiring ON entries (expires_at, seq) WHERE expires_at IS NOT NULL;`;

const tables = `
CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  bucket INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  tombstone INTEGER NOT NULL,
  expires_at INTEGER,
  content_type TEXT NOT NULL,
  digest BLOB NOT NULL,
  value BLOB NOT NULL
) STRICT;
${bucketIndex}
${collectableIndexes}
CREATE TABLE log (
  first_seq INTEGER PRIMARY KEY,
  last_seq INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  committed_at INTEGER NOT NULL,
  leaf_moves BLOB NOT NULL,
  event BLOB NOT NULL
) STRICT;
${leavesTable}
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  cluster TEXT NOT NULL,
  shard INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  root BLOB NOT NULL,
  drift BLOB NOT NULL,
  suspect INTEGER NOT NULL,
  settle_seq INTEGER NOT NULL,
  confirmed_seq INTEGER NOT NULL,
  stream_seq INTEGER NOT NULL,
  stream_created_at TEXT NOT NULL,
  collected_seq INTEGER NOT NULL,
  collected_epoch INTEGER NOT NULL
) STRICT;
CREATE TABLE epochs (
  epoch INTEGER PRIMARY KEY,
  first_seq INTEGER NOT NULL,
  node TEXT NOT NULL,
  stream TEXT NOT NULL
) STRICT;
CREATE TABLE sets (seq INTEGER PRIMARY KEY, members TEXT NOT NULL) STRICT;
CREATE TABLE requests (
  id TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  result TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kept_at INTEGER NOT NULL
) STRICT;
CREATE INDEX requests_by_age ON requests (kept_at);
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  reason TEXT NOT NULL,
  bytes BLOB NOT NULL,
  kept_at INTEGER NOT NULL
) STRICT;
CREATE TABLE orphans (
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  operation BLOB NOT NULL,
  offered INTEGER NOT NULL,
  kept_at INTEGER NOT NULL,
  PRIMARY KEY (epoch, seq)
) STRICT;
`;

/** What brings a file of an older version to the next one. */
const upgrades: Record<number, ((database: Database.Database) => void) | undefined> = {
  1: (database) => {
    database.exec('CREATE TABLE sets (seq INTEGER PRIMARY KEY, members TEXT NOT NULL) STRICT');
  },
  2: (database) => {
    const leaves = new LeafDigests();
    const rows = database.prepare('SELECT bucket, digest FROM buckets').all() as {
      bucket: number;
      digest: Uint8Array;
    }[];
    for (const { bucket, digest } of rows) leaves.set(bucket, digest);
    database.exec(`
      DROP TABLE buckets;
      ALTER TABLE log ADD COLUMN leaf_moves BLOB NOT NULL DEFAULT x'';
      ${leavesTable}`);
    database.prepare('INSERT INTO leaves SELECT 1, seq, ? FROM meta').run(leaves.bytes());
  },
  3: (database) => {
    database.function('bucket_of', { deterministic: true }, (key) => bucketOf(String(key)));
    database.exec(`
      ALTER TABLE entries ADD COLUMN bucket INTEGER NOT NULL DEFAULT 0;
      UPDATE entries SET bucket = bucket_of(key);
      CREATE INDEX entries_by_bucket ON entries (bucket);
      ${collectableIndexes}
      ALTER TABLE meta ADD COLUMN collected_seq INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE meta ADD COLUMN collected_epoch INTEGER NOT NULL DEFAULT 0;`);
  },
  4: (database) => {
    database.exec(`DROP INDEX entries_by_bucket; ${bucketIndex}`);
  },
};

/**
 * Makes the tables in a new file, and upgrades an older one; throws when the file is of a version that isn't
 * known, or of another cluster or shard.
 */
export function openSchema(database: Database.Database, cluster: string, shard: number): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version === 0) {
    database.transaction(() => {
      database.exec(tables);
      database
        .prepare(`INSERT INTO meta VALUES (1, ?, ?, 0, 0, zeroblob(16), zeroblob(16), 0, 0, 0, 0, '', 0, 0)`)
        .run(cluster, shard);
      database.prepare('INSERT INTO leaves VALUES (1, 0, zeroblob(?))').run(leavesBytes);
      database.pragma(`user_version = ${schemaVersion}`);
    })();
    return;
  }
  if (version !== schemaVersion && upgrades[version] === undefined) {
    throw new Error(`The file has format ${version}; this version reads format ${schemaVersion}.`);
  }
  const kept = database.prepare('SELECT cluster, shard FROM meta').get() as {
    cluster: string;
    shard: number;
  };
  if (kept.cluster !== cluster || kept.shard !== shard) {
    throw new Error(`The file belongs to shard ${kept.shard} of cluster "${kept.cluster}".`);
  }
  upgrade(database, version);
}

/**
 * Whether the tables of a file of this version are others than were made: a flipped bit in the schema's text
 * leaves SQL that SQLite takes, and that ours does not fit.
 */
export function hasForeignTables(file: string): boolean {
  const kept = new Database(file);
  const made = new Database(':memory:');
  try {
    if (kept.pragma('user_version', { simple: true }) !== schemaVersion) return false;
    made.exec(tables);
    return columnsOf(kept) !== columnsOf(made);
  } finally {
    kept.close();
    made.close();
  }
}

/** In no order: an upgrade adds columns at the end. */
function columnsOf(database: Database.Database): string {
  const columns = database.prepare(`
    SELECT made.name || '.' || columns.name || ' ' || columns.type || ' ' || columns.pk
    FROM sqlite_schema AS made, pragma_table_info(made.name) AS columns
    WHERE made.type = 'table' ORDER BY 1`);
  return columns.pluck().all().join('\n');
}

function upgrade(database: Database.Database, from: number): void {
  database.transaction(() => {
    for (let version = from; version < schemaVersion; version += 1) {
      upgrades[version]?.(database);
      database.pragma(`user_version = ${version + 1}`);
    }
  })();
}
