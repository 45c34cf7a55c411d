/**
 * Files of a node that changed behind its back: bits that flipped, ends that are missing, an old copy that
 * was put back. The node finds out by digests and by SQLite's own checks, and takes from its peers what it
 * lost; `verify` (a scrub of each replica) finds what nobody has touched.
 */
import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { rename } from 'node:fs/promises';
import Database from 'better-sqlite3';
import type { TestProcess } from '../../harness/process.ts';
import type { Random } from '../../harness/random.ts';
import { bounds, type Fault, type Scene, type Undo } from '../runner/fault.ts';

/** A damaged replica is given this long to be repaired key by key, before a snapshot takes its place. */
const driftedMsMax = 1_000;

/** Checkpoints are frequent, so that both files hold what was written. */
const walPages = 100;

const damaged = {
  family: 'files' as const,
  recovers: 'while it lasts' as const,
  recoveryMsMax: bounds.recoveryMs,
  convergenceMsMax: bounds.convergenceMs,
  cluster: {
    nodeEnv: {
      DRIFTLESS_DRIFTED_MS_MAX: String(driftedMsMax),
      DRIFTLESS_WAL_CHECKPOINT_PAGES: String(walPages),
    },
  },
  endsNodes: true as const,
  spoils: true as const,
};

type Damage = (file: string, random: Random) => void;
type Victim = (scene: Scene) => TestProcess;
const leader: Victim = (scene) => scene.leader;
const follower: Victim = (scene) => scene.follower;

const flips = 16;
/** Flips single bits, at random places of the file. */
const flipBits: Damage = (path, random) => {
  const file = openSync(path, 'r+');
  const { size } = fstatSync(file);
  const byte = Buffer.alloc(1);
  for (let flip = 0; flip < flips && size > 0; flip += 1) {
    const at = random.below(size);
    readSync(file, byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ (1 << random.below(8));
    writeSync(file, byte, 0, 1, at);
  }
  closeSync(file);
};

/** Cuts off up to half of the file. */
const truncate: Damage = (path, random) => {
  const file = openSync(path, 'r');
  const { size } = fstatSync(file);
  closeSync(file);
  truncateSync(path, size - random.below(Math.floor(size / 2) + 1));
};

const writtenValue = /v\d+\.\d+\.\d+/;

/** Values that keys have at the moment, as many as are to be damaged. */
function presentValues(path: string, random: Random): string[] {
  const database = new Database(path, { readonly: true });
  const rows = database.prepare('SELECT value FROM entries ORDER BY key').pluck().all() as Buffer[];
  database.close();
  const values = rows.flatMap((bytes) => writtenValue.exec(bytes.toString('latin1'))?.[0] ?? []);
  return Array.from({ length: Math.min(flips, values.length) }, () => random.pick(values));
}

/** Flips a bit of each value wherever it stands; digests guard values, and SQLite has no checksums. */
function flipValues(path: string, values: readonly string[]): void {
  const bytes = readFileSync(path);
  const file = openSync(path, 'r+');
  for (const value of new Set(values)) {
    for (let at = bytes.indexOf(value, 0, 'latin1'); at >= 0; at = bytes.indexOf(value, at + 1, 'latin1')) {
      writeSync(file, Buffer.from([(bytes[at + 1] ?? 0) ^ 1]), 0, 1, at + 1);
    }
  }
  closeSync(file);
}

/** Length of the victim's log before the fault. */
const logBefore = new WeakMap<Scene, number>();

/** While the node is down. */
const whileStopped =
  (victim: Victim, suffix: '' | '-wal', damage: Damage) =>
  async (scene: Scene): Promise<Undo> => {
    const process = victim(scene);
    await process.signal('SIGKILL');
    scene.replaced(process.name);
    const { cluster, random, shard } = scene;
    logBefore.set(scene, process.output().length);
    damage(`${cluster.file(process.name, shard)}${suffix}`, random);
    return () => process.start();
  };

/**
 * While the node is at work. It may write a damaged page again from its cache, and so never meet the damage;
 * what it does meet must not be shown.
 */
const whileRunning =
  (victim: Victim) =>
  (scene: Scene): Undo => {
    const { cluster, random, shard } = scene;
    const process = victim(scene);
    scene.replaced(process.name);
    const file = cluster.file(process.name, shard);
    const values = presentValues(file, random);
    if (values.length === 0) throw new Error('There is no value to damage.');
    for (const suffix of ['', '-wal']) flipValues(`${file}${suffix}`, values);
    return () => undefined;
  };

/** Nothing that is damaged is left: it was met and repaired, or written again. */
const isSoundAgain = async ({ cluster, shard }: Scene): Promise<string[]> => {
  const found: string[] = [];
  for (const { name } of cluster.nodes) {
    const answer = await fetch(`${cluster.nodeUrl(name)}/node/v1/shards/${shard}/scrub`, { method: 'POST' });
    const { sound } = (await answer.json()) as { sound: boolean };
    if (!sound) found.push(`the replica of ${name} is damaged at the end`);
  }
  return found;
};

const wasNoticed =
  (victim: Victim) =>
  (scene: Scene): Promise<string[]> => {
    const process = victim(scene);
    const said = process.output().slice(logBefore.get(scene) ?? 0);
    const isNoticed = /a digest check failed|is damaged and was set aside|SQLITE_CORRUPT/.test(said);
    return Promise.resolve(isNoticed ? [] : [`${process.name} did not notice that its rows were damaged`]);
  };

/** A copy is made, writes go on, and the node begins again with the copy. */
const rewind =
  (victim: Victim) =>
  async (scene: Scene): Promise<Undo> => {
    const { cluster, shard, traffic } = scene;
    const process = victim(scene);
    const file = cluster.file(process.name, shard);
    const database = new Database(file, { readonly: true });
    await database.backup(`${file}.copy`);
    database.close();
    await traffic.more(50);
    await process.signal('SIGKILL');
    scene.replaced(process.name);
    for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
    await rename(`${file}.copy`, file);
    return () => process.start();
  };

/** What `driftless verify` does of each replica; a damaged one is taken out of service, and replaced. */
const scrub = async ({ cluster }: Scene): Promise<void> => {
  for (const { name } of cluster.nodes) {
    for (let shard = 0; shard < cluster.shardCount; shard += 1) {
      await cluster.until(`a scrub of ${name}`, async () => {
        const url = `${cluster.nodeUrl(name)}/node/v1/shards/${shard}/scrub`;
        return (await fetch(url, { method: 'POST' })).ok;
      });
    }
  }
};

export const fileFaults: Fault[] = [
  {
    ...damaged,
    name: "bits flipped in a stopped follower's .db",
    breaks: 'a damaged file is set aside, and a peer helps',
    isShort: true,
    inject: whileStopped(follower, '', flipBits),
    verify: scrub,
  },
  {
    ...damaged,
    name: "bits flipped in a stopped leader's .db",
    breaks: 'the same, of a node that has led',
    inject: whileStopped(leader, '', flipBits),
    verify: scrub,
  },
  {
    ...damaged,
    name: "bits flipped in a stopped follower's -wal",
    breaks: 'SQLite ends its log at the first frame that is broken: the replica is rewound',
    inject: whileStopped(follower, '-wal', flipBits),
    verify: scrub,
  },
  {
    ...damaged,
    name: "bits flipped in a stopped leader's -wal",
    breaks: 'a leader that has forgotten what it led',
    inject: whileStopped(leader, '-wal', flipBits),
    verify: scrub,
  },
  {
    ...damaged,
    name: "a stopped follower's .db truncated",
    breaks: 'a file that SQLite cannot read',
    inject: whileStopped(follower, '', truncate),
    verify: scrub,
    judge: wasNoticed(follower),
  },
  {
    ...damaged,
    name: "a stopped leader's -wal truncated",
    breaks: 'a replica that is rewound',
    inject: whileStopped(leader, '-wal', truncate),
    verify: scrub,
  },
  {
    ...damaged,
    name: "bits flipped in values in a running follower's files",
    breaks: 'digests guard what is read; a scrub finds the rest',
    isShort: true,
    inject: whileRunning(follower),
    hold: ({ traffic }) => traffic.more(50),
    verify: scrub,
    judge: isSoundAgain,
  },
  {
    ...damaged,
    name: "bits flipped in values in a running leader's files",
    breaks: 'a leader with a damaged row steps aside',
    inject: whileRunning(leader),
    hold: ({ traffic }) => traffic.more(50),
    verify: scrub,
    judge: isSoundAgain,
  },
  {
    ...damaged,
    name: "an old copy of a follower's file put back",
    breaks: 'a replica that is rewound does not count for what it has forgotten',
    isShort: true,
    inject: rewind(follower),
    verify: scrub,
  },
  {
    ...damaged,
    name: "an old copy of a leader's file put back",
    breaks: 'a leader that is rewound catches up before it leads again',
    inject: rewind(leader),
    verify: scrub,
  },
];
