/**
 * What every adapter of `ShardStore` must do (core/SPEC.md, S1–S8), as cases that each adapter's test runs.
 * A case gets a function that opens the store anew: for a store with a file, the same file each time.
 */

import { bucketCount, bucketOf, equalDigest, eventBytesMax, type Operation } from '@driftless/contracts';
import fc from 'fast-check';
import { expect } from 'vitest';
import { type Change, changeOf } from '../core/change.ts';
import { type Entry, makeEntry } from '../core/entry.ts';
import { LeafXors } from '../core/leaf-xors.ts';
import { bytes, formsIn, increment, put, remove, TestReplica, text } from '../testing/replica.ts';
import { anyRequest } from '../testing/requests.ts';
import type { ShardStore } from './port.ts';

export interface Subject {
  /** An empty store of shard 0; its clock stands at what `setNow` said last. */
  make(): ShardStore;
  setNow(now: number): void;
}

/** Keys whose order in UTF-8 is not that of UTF-16, or that a careless store trips over. */
export const trickyKeys = [
  '\0',
  '\0a',
  '\n',
  '%',
  '_',
  "'",
  'A',
  'a',
  'a\0',
  'a\0b',
  'a/b',
  'a\uffff',
  'a😀',
  'b',
  'x'.repeat(512),
  'é',
  'e\u0301',
  '\ue000',
  '\uffff',
  '😀',
  '\u{10ffff}',
  '€'.repeat(170),
];

/** Everything that a store shows. */
export function allOf(store: ShardStore) {
  const replica = new TestReplica(store);
  return {
    state: { ...store.state(), root: [...store.state().root], drift: [...store.state().drift] },
    rows: replica.rows(),
    leaves: [...store.leavesRoot()],
    log: store.log(0, Number.POSITIVE_INFINITY).map((row) => ({ ...row, event: text(row.event) })),
    logRange: store.logRange(),
    logEndSeq: store.logEndSeq(),
    epochs: store.epochs().map(({ epoch, firstSeq, node }) => ({ epoch, firstSeq, node })),
    sets: store.sets(),
    orphans: store.orphans().map(({ version, operation }) => ({ version, operation: plain(operation) })),
    quarantined: store.quarantined().map((kept) => ({ ...kept, bytes: text(kept.bytes) })),
    counts: store.counts(),
    answer: store.answer('first'),
  };
}

function plain(operation: Operation) {
  return operation.op === 'put' ? { ...operation, value: text(operation.value) } : operation;
}

/** A store in epoch 1 with a few entries; what every case that needs a state begins with. */
function begun(subject: Subject): TestReplica {
  const replica = new TestReplica(subject.make());
  replica.startEpoch(1);
  replica.write([put('a', '1'), put('b', '2', { idempotency: { id: 'first', fingerprint: 'f' } })]);
  return replica;
}

/** A change that touches everything, from `replica`'s state on. */
function fullChange(replica: TestReplica, parts: Partial<Change> = {}): Change {
  const { state } = replica;
  const seq = state.applied.seq + 1;
  const row = { epoch: 9, seq, tombstone: false, contentType: 't', expiresAt: 5 };
  const entry = makeEntry({ key: 'new', value: bytes('x'), ...row });
  const answer = { id: 'new', fingerprint: 'f', result: { version: '9-9' } };
  return changeOf({
    entries: [entry],
    removed: ['a'],
    leafXors: LeafXors.of([[7, entry.digest]]),
    state: { ...state, applied: { epoch: 9, seq }, root: entry.digest, suspect: true, streamSeq: 77 },
    log: { firstSeq: seq, lastSeq: seq, epoch: 9, committedAt: 1, event: bytes('event') },
    epochStart: { epoch: 9, firstSeq: seq, node: 'node-9' },
    set: { seq, members: ['node-9'] },
    answers: [{ answer, version: { epoch: 9, seq } }],
    quarantine: [{ kind: 'event', name: '12', reason: 'why', bytes: bytes('bad') }],
    ...parts,
  });
}

function commits(subject: Subject, change: (replica: TestReplica) => Change): void {
  const replica = begun(subject);
  const before = allOf(replica.store);
  const leaf = replica.store.leaf(7);
  expect(() => replica.store.commit(change(replica))).toThrow();
  expect(allOf(replica.store)).toEqual(before);
  expect(replica.store.leaf(7)).toEqual(leaf);
  expect(replica.store.answer('new')).toBeUndefined();
}

function keysOf(entries: readonly Entry[]): string[] {
  return entries.map(({ key }) => key);
}

function listsByBytes(subject: Subject): void {
  const replica = begun(subject);
  replica.write(trickyKeys.map((key) => put(key, key)));
  const all = [...new Set([...trickyKeys, 'a', 'b'])].sort((a, b) => Buffer.compare(bytes(a), bytes(b)));
  const { store } = replica;
  expect(replica.rows().map(({ key }) => key)).toEqual(all);
  for (const key of trickyKeys) expect(text(store.get(key)?.value ?? bytes('none'))).toBe(key);
  for (const prefix of ['', 'a', 'a\0', 'é', 'e', '\uffff', '😀', '\u{10ffff}', 'x', '€€', 'none']) {
    const expected = all.filter((key) => key.startsWith(prefix));
    expect(keysOf(store.list({ prefix, after: '', limit: 100 })), `prefix ${prefix}`).toEqual(expected);
    for (const after of [...all, 'zzz']) {
      const rest = expected.filter((key) => Buffer.compare(bytes(key), bytes(after)) > 0);
      expect(keysOf(store.list({ prefix, after, limit: 100 })), `${prefix} after ${after}`).toEqual(rest);
      expect(keysOf(store.list({ prefix, after, limit: 2 }))).toEqual(rest.slice(0, 2));
    }
  }
}

function agreesAfterAnyHistory(subject: Subject): void {
  const batches = fc.array(fc.array(anyRequest, { maxLength: 6 }), { maxLength: 6, size: 'max' });
  fc.assert(
    fc.property(batches, batches, (common, orphaned) => {
      const [old, next] = [new TestReplica(subject.make()), new TestReplica(subject.make())];
      old.startEpoch(1);
      for (const requests of common) old.write(requests);
      next.followLogOf(old);
      for (const requests of orphaned) old.write(requests);
      next.startEpoch(2);
      next.write([put('a', 'new'), increment('n')]);
      old.followLogOf(next);
      for (const { state, store, rootOfRows } of [old, next].map(sums)) {
        expect(equalDigest(state.root, rootOfRows)).toBe(true);
        expect(equalDigest(state.root, store.leavesRoot())).toBe(true);
      }
      expect(old.rows()).toEqual(next.rows());
    }),
    { numRuns: 25 },
  );
}

function sums(replica: TestReplica) {
  return { state: replica.state, store: replica.store, rootOfRows: replica.rootOfRows() };
}

function pagesTheLog(subject: Subject): void {
  const replica = begun(subject);
  for (const size of [10, 2000, 10, 5000]) replica.write([put('k', 'x'.repeat(size))]);
  const { store } = replica;
  const all = store.log(0, Number.POSITIVE_INFINITY);
  expect(all.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
    [1, 1],
    [2, 3],
    [4, 4],
    [5, 5],
    [6, 6],
    [7, 7],
  ]);
  const size = (index: number): number => all[index]?.event.length ?? 0;
  const seqs = (afterSeq: number, bytesMax: number): number[] => {
    return store.log(afterSeq, bytesMax).map(({ firstSeq }) => firstSeq);
  };
  expect(seqs(3, 1), 'at least one').toEqual([4]);
  expect(seqs(3, size(2) + size(3)), 'as many as fit').toEqual([4, 5]);
  expect(seqs(3, size(2) + size(3) - 1), 'and no more').toEqual([4]);
  expect(seqs(2, 1), 'not a batch that began before').toEqual([4]);
  expect(seqs(7, eventBytesMax)).toEqual([]);
  expect(store.logAt(2)).toEqual(all[1]);
  expect(store.logAt(3)).toBeUndefined();
  expect(store.logRange()).toEqual({ firstSeq: 1, lastSeq: 7 });
  expect(store.logEndSeq()).toBe(7);
  expect(store.logEnd()).toEqual(all.at(-1));
  store.trimLog(7, Number.POSITIVE_INFINITY);
  expect(store.logRange()).toBeUndefined();
  expect(store.logEnd()).toBeUndefined();
}

function forgetsAnswers(subject: Subject): void {
  const replica = begun(subject);
  const kept = (): string => ['one', 'two', 'three'].filter((id) => replica.store.answer(id)).join();
  ['one', 'two', 'three'].forEach((id, index) => {
    subject.setNow(1000 * (index + 1));
    replica.write([put('k', id, { idempotency: { id, fingerprint: 'f' } })]);
  });
  replica.store.forgetAnswers(1000, 10);
  expect(kept()).toBe('one,two,three');
  replica.store.forgetAnswers(3000, 1);
  expect(kept(), 'the oldest first').toBe('two,three');
  replica.store.forgetAnswers(3000, 10);
  expect(kept()).toBe('three');
}

function takesSnapshots(subject: Subject): void {
  const replica = begun(subject);
  for (let i = 0; i < 50; i += 1) replica.write([put(`key-${i}`, `${i}`)]);
  const [before, snapshot] = [replica.rows(), replica.store.snapshot()];
  const seen: string[] = [];
  for (const { key, value } of snapshot.entries) {
    seen.push(key);
    replica.write([remove(key), put(`more-${seen.length}`, text(value)), put('a', 'changed')]);
  }
  expect(seen).toEqual(before.map(({ key }) => key));
  expect(snapshot.state.applied).toEqual({ epoch: 1, seq: 53 });
  snapshot.close();
  const abandoned = replica.store.snapshot();
  for (const { key } of abandoned.entries) {
    expect(key).toBeDefined();
    break;
  }
  abandoned.close();
  expect(replica.rootOfRows()).toEqual(replica.state.root);
}

function givesAllRows(subject: Subject): void {
  const replica = begun(subject);
  const many = 1200;
  replica.write(Array.from({ length: many }, (_, i) => put(`key-${i}`, `${i}`)));
  replica.write(Array.from({ length: many / 3 }, (_, i) => put(`key-${i * 3}`, 'again')));
  replica.write([remove('key-7'), put('last', 'one')]);
  const parts = [...replica.store.forms()];
  expect(parts.flatMap(({ bytes }) => formsIn(bytes)).sort()).toEqual(replica.forms().sort());
  expect(parts.reduce((sum, { rows }) => sum + rows, 0)).toBe(replica.forms().length);
}

function keepsOddValues(subject: Subject): void {
  const replica = begun(subject);
  const every = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  replica.write([put('empty', ''), put('every', every), put('large', 'x'.repeat(512 * 1024))]);
  expect(replica.store.get('empty')?.value.length).toBe(0);
  expect(text(replica.store.get('every')?.value ?? bytes(''))).toBe(every);
  expect(replica.store.get('large')?.value.length).toBe(512 * 1024);
  expect(replica.rootOfRows()).toEqual(replica.state.root);
  const { store, state } = replica;
  const far = makeEntry({
    key: 'far',
    epoch: 2 ** 40,
    seq: 2 ** 50,
    tombstone: true,
    value: bytes(''),
    contentType: '',
    expiresAt: 2 ** 45,
  });
  store.commit(changeOf({ entries: [far], state }));
  const kept = store.get('far');
  expect(kept && { ...kept, value: [...kept.value], digest: [...kept.digest] }).toEqual({
    ...far,
    value: [],
    digest: [...far.digest],
  });
}

function keepsItsOwnCopies(subject: Subject): void {
  const replica = begun(subject);
  const value = bytes('mine');
  const change = replica.write([{ operation: { op: 'put', key: 'k', bytes: 4, type: '' }, value }]);
  value.fill(0);
  change.event?.fill(0);
  const got = replica.store.get('k');
  got?.value.fill(0);
  got?.digest.fill(0);
  replica.store.list({ prefix: 'k', after: '', limit: 1 })[0]?.value.fill(0);
  replica.store.log(0, 1e9).at(-1)?.event.fill(0);
  expect(text(replica.store.get('k')?.value ?? bytes(''))).toBe('mine');
  expect(text(replica.store.logAt(4)?.event ?? bytes(''))).toContain('driftless/1');
  expect(replica.rootOfRows()).toEqual(replica.state.root);
}

/** Buckets hold what rows say, after writes, a delete and the removal of a row. */
function listsBuckets(subject: Subject): void {
  const replica = begun(subject);
  const { store } = replica;
  replica.write(Array.from({ length: 300 }, (_, i) => put(`key-${i}`, `${i}`)));
  replica.write([put('key-1', 'other'), remove('key-2')]);
  store.commit(changeOf({ removed: ['key-3'], state: store.state() }));
  const rows = replica.rows();
  expect(rows.map(({ key }) => key)).not.toContain('key-3');
  const all = Array.from({ length: bucketCount }, (_, bucket) =>
    store.bucketRows(bucket).map((row) => ({ ...row, bucket })),
  ).flat();
  expect(all.every(({ key, bucket }) => bucketOf(key) === bucket)).toBe(true);
  const beside = Array.from({ length: bucketCount }, (_, bucket) => store.bucketDigests(bucket)).flat();
  const summary = (key: string, seq: number, digest: string) => `${key}@${seq} ${digest.toLowerCase()}`;
  expect(beside.map(({ key, seq, digest }) => summary(key, seq, digest)).sort()).toEqual(
    all.map(({ key, seq, digest }) => summary(key, seq, Buffer.from(digest).toString('hex'))).sort(),
  );
  const inTurn = [...store.buckets(0)];
  expect(inTurn.flatMap(([bucket, found]) => found.map((row) => ({ ...row, bucket })))).toEqual(all);
  expect(new Set(inTurn.map(([bucket]) => bucket)).size).toBe(inTurn.length);
  const [, second] = inTurn;
  expect([...store.buckets(second?.[0] ?? 0)]).toEqual(inTurn.slice(1));
  const plainRows = all.map(({ bucket: _, ...row }) => ({
    ...row,
    value: text(row.value),
    digest: [...row.digest],
  }));
  expect(plainRows.sort((a, b) => Buffer.compare(bytes(a.key), bytes(b.key)))).toEqual(rows);
}

function findsCollectable(subject: Subject): void {
  const replica = begun(subject);
  const ttl = (seconds: number) => ({ ttlSeconds: seconds });
  replica.write([put('late', '12345', ttl(9)), put('early', '12', ttl(3)), put('stays', 'x'), remove('a')]);
  replica.write([put('back', '1'), remove('back'), put('back', '2'), remove('b')]);
  const { store } = replica;
  const find = (throughSeq: number, expiredBy: number, limit = 10): string => {
    const rows = store.collectable({ throughSeq, expiredBy, limit });
    return rows.map(({ key, version: { seq }, bytes }) => `${key}@${seq}/${bytes}`).join(' ');
  };
  expect(find(99, 10_000)).toBe('a@7/0 b@11/0 early@5/2 late@4/5');
  expect(find(99, 8_999)).toBe('a@7/0 b@11/0 early@5/2');
  expect(find(99, 0)).toBe('a@7/0 b@11/0');
  expect(find(10, 10_000), 'by seq').toBe('a@7/0 early@5/2 late@4/5');
  expect(find(4, 10_000)).toBe('late@4/5');
  expect(find(99, 10_000, 3)).toBe('a@7/0 b@11/0 early@5/2');
  expect(find(99, 10_000, 2)).toBe('a@7/0 b@11/0');
  const [first] = store.collectable({ throughSeq: 99, expiredBy: 0, limit: 1 });
  expect(first).toEqual({ key: 'a', version: { epoch: 1, seq: 7 }, tombstone: true, bytes: 0 });
  expect([store.tombstones(10), store.tombstones(1)]).toEqual([2, 1]);
  replica.collect(['a', 'early'].map((key) => replica.named(key)));
  expect(find(99, 10_000)).toBe('b@11/0 late@4/5');
  expect(store.tombstones(10)).toBe(1);
  expect(replica.rootOfRows()).toEqual(store.leavesRoot());
}

/** Each case with the invariant it holds. */
export const storeCases: Record<string, (subject: Subject) => void> = {
  'S1 a commit moves everything together': (subject) => {
    const { store } = begun(subject);
    store.commit(fullChange(new TestReplica(store)));
    const all = allOf(store);
    expect(all.rows.map(({ key }) => key)).toEqual(['b', 'new']);
    expect(all.state).toMatchObject({ applied: { epoch: 9, seq: 4 }, suspect: true, streamSeq: 77 });
    expect(all.epochs.map(({ epoch }) => epoch)).toEqual([1, 9]);
    expect(all.quarantined).toEqual([{ kind: 'event', name: '12', reason: 'why', bytes: 'bad' }]);
    expect(all.counts).toEqual({ quarantined: 1, orphans: 0 });
    expect(store.answer('new')).toMatchObject({ fingerprint: 'f', result: { version: '9-9' } });
  },
  'S1 a commit whose batch is in the log already leaves nothing': (subject) => {
    const log = { firstSeq: 2, lastSeq: 2, epoch: 9, committedAt: 1, event: bytes('event') };
    commits(subject, (replica) => fullChange(replica, { log }));
  },
  'S1 a commit whose epoch is there already leaves nothing': (subject) => {
    commits(subject, (replica) => fullChange(replica, { epochStart: { epoch: 1, firstSeq: 4, node: 'x' } }));
  },
  'S1 commits together read each other, and all are there afterwards': (subject) => {
    const replica = begun(subject);
    const { store } = replica;
    store.together(() => {
      replica.write([put('c', '1'), remove('a')]);
      expect(store.list({ prefix: 'c', after: '', limit: 9 }).map(({ value }) => text(value))).toEqual(['1']);
      replica.write([put('c', '2')]);
    });
    expect(store.logRange()).toEqual({ firstSeq: 1, lastSeq: 6 });
    expect(replica.rootOfRows()).toEqual(store.leavesRoot());
  },
  'S1 the cursor is saved alone': (subject) => {
    const { store } = begun(subject);
    const before = allOf(store);
    store.saveState({ ...store.state(), streamSeq: 5, confirmedSeq: 3, streamCreatedAt: 'then' });
    const state = { ...before.state, streamSeq: 5, confirmedSeq: 3, streamCreatedAt: 'then' };
    expect(allOf(store)).toEqual({ ...before, state });
  },
  'S2 root, leaves and rows agree after any history, cuts too': agreesAfterAnyHistory,
  'S4 keys are in the order of their UTF-8 bytes, and prefixes are exact': listsByBytes,
  'S4 the rows of a bucket are those whose keys fall into it': listsBuckets,
  'S4 what was copied of the leaves stays as it is': (subject) => {
    const replica = begun(subject);
    const leaves = replica.store.leaves();
    const root = leaves.root();
    expect(root).toEqual(replica.store.leavesRoot());
    replica.write([put('c', '3')]);
    expect(leaves.root()).toEqual(root);
    expect(replica.store.leavesRoot()).not.toEqual(root);
    leaves.set(7, root);
    expect(replica.store.leavesRoot()).toEqual(replica.state.root);
  },
  'S8 rows that may go are found, by seq and by time': findsCollectable,
  'S5 a snapshot is of one commit, while others go on': takesSnapshots,
  'S7 the log is paged by bytes, and a page is never empty but at the end': pagesTheLog,
  'S7 answers are forgotten by age, the oldest first': forgetsAnswers,
  'S7 values, keys and numbers come back as they were': keepsOddValues,
  'S7 all rows are given, each once': givesAllRows,
  'S7 nobody changes what is kept by changing what was given or got': keepsItsOwnCopies,
};
