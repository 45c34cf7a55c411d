/**
 * Drift made on purpose, for tests and for the lab: what rot and bugs do, done to the file behind the back of
 * digests, tree and log. Off unless the configuration switches it on.
 *
 *     flip-value      a byte of a row's value is another one; the digest beside it stays
 *     drop-row        a row is gone
 *     alien-row       a row that no operation wrote, with a digest that fits its bytes
 *     spoil-tree      a leaf of the tree is another one
 *     rewind-cursor   the position goes back by some batches; log and rows stay
 *     skip-event      the next events move the position, and (on a leader) root and leaves, but write no row
 */
import { bucketCount, bucketOf, DriftlessError, type InjectHeader, shardOf } from '@driftless/contracts';
import { type Change, changeOf } from '../core/change.ts';
import { type Entry, makeEntry } from '../core/entry.ts';
import { LeafXors } from '../core/leaf-xors.ts';
import type { ShardContext } from './context.ts';

export interface InjectPorts {
  shardCount: number;
  /** From 0 up to 1. */
  random(): number;
}

/** Buckets that are tried to find a row in a shard that has few. */
const triesMax = bucketCount * 8;

/**
 * The keys that are wrong now, as far as they are known yet. Throws `not-found` where there is nothing to
 * spoil.
 */
export function inject(context: ShardContext, header: InjectHeader, ports: InjectPorts): string[] {
  const { kind } = header;
  const keys = kinds[kind](context, header, ports);
  const { instruments, logger, shard, driftTimes } = context;
  driftTimes.injected();
  instruments.antiEntropy.injected.add(1, { shard: String(shard), kind });
  logger.warn({ shard, kind, keys: keys.slice(0, 10), count: keys.length }, 'drift was injected');
  return keys;
}

/** What is left of a change while events are to be skipped; told to the context by `skip-event`. */
export function unlessSkipped(context: ShardContext, change: Change, isLeader: boolean): Change {
  if (context.eventsToSkip === 0 || !change.log) return change;
  context.eventsToSkip -= 1;
  const { state, log } = change;
  if (isLeader) return { ...change, entries: [], removed: [] };
  const { root, drift } = context.state;
  return changeOf({ log, state: { ...state, root, drift } });
}

type Spoil = (context: ShardContext, header: InjectHeader, ports: InjectPorts) => string[];

const kinds: Record<InjectHeader['kind'], Spoil> = {
  'flip-value': (context, header, ports) => {
    const rows = pickRows(context, header, ports, ({ value }) => value.length > 0);
    write(context, { entries: rows.map((row) => flipped(row, ports)) });
    return rows.map(({ key }) => key);
  },

  'drop-row': (context, header, ports) => {
    const removed = pickRows(context, header, ports, () => true).map(({ key }) => key);
    write(context, { removed });
    return removed;
  },

  'alien-row': (context, { key, count }, ports) => {
    const { epoch, seq } = context.state.applied;
    const keys = key === undefined ? freshKeys(context, count, ports) : [key];
    const row = { epoch, seq, tombstone: false, contentType: 'text/plain', expiresAt: null };
    const value = new TextEncoder().encode('alien');
    write(context, { entries: keys.map((alien) => makeEntry({ key: alien, ...row, value })) });
    return keys;
  },

  'spoil-tree': (context, { key, count }, ports) => {
    const buckets = new Set(key === undefined ? [] : [bucketOf(key)]);
    while (buckets.size < Math.min(count, bucketCount)) buckets.add(Math.floor(ports.random() * bucketCount));
    const leafXors = LeafXors.of([...buckets].map((bucket) => [bucket, someBytes(ports)] as const));
    write(context, { leafXors });
    return [];
  },

  'rewind-cursor': (context, { count }) => {
    const { store, state } = context;
    const rows = store.log(0, Number.POSITIVE_INFINITY);
    const end = rows.at(-1 - count);
    if (!end) throw new DriftlessError('not-found', `The log has no more than ${rows.length} batches.`);
    context.spoilState({ ...state, applied: { epoch: end.epoch, seq: end.lastSeq } });
    return [];
  },

  'skip-event': (context, { count }) => {
    context.eventsToSkip = count;
    return [];
  },
};

/** Straight to the store: neither root nor anything else of the state moves along. */
function write(context: ShardContext, parts: Partial<Change>): void {
  const { store, state } = context;
  store.commit(changeOf({ ...parts, state }));
}

function pickRows(
  { store }: ShardContext,
  { key, count }: InjectHeader,
  { random }: InjectPorts,
  fits: (row: Entry) => boolean,
): Entry[] {
  const rows = new Map<string, Entry>();
  if (key !== undefined) {
    const row = store.get(key);
    if (row && fits(row)) rows.set(key, row);
  }
  for (let i = 0; key === undefined && i < triesMax && rows.size < count; i += 1) {
    const some = store.bucketRows(Math.floor(random() * bucketCount)).filter(fits);
    const row = some[Math.floor(random() * some.length)];
    if (row) rows.set(row.key, row);
  }
  if (rows.size === 0)
    throw new DriftlessError('not-found', 'There is no row that could be spoiled like that.');
  return [...rows.values()];
}

function flipped(row: Entry, { random }: InjectPorts): Entry {
  const value = row.value.slice();
  const at = Math.floor(random() * value.length);
  value[at] = (value[at] as number) ^ (1 << Math.floor(random() * 8));
  return { ...row, value };
}

function freshKeys(
  { store, shard }: ShardContext,
  count: number,
  { shardCount, random }: InjectPorts,
): string[] {
  const keys = new Set<string>();
  while (keys.size < count) {
    const key = `alien-${Math.floor(random() * 2 ** 48).toString(36)}`;
    if (shardOf(key, shardCount) === shard && !store.get(key)) keys.add(key);
  }
  return [...keys];
}

function someBytes({ random }: InjectPorts): Uint8Array {
  const bytes = new Uint8Array(16).map(() => Math.floor(random() * 256));
  bytes[0] = (bytes[0] as number) | 1;
  return bytes;
}
