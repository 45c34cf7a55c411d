/**
 * For tests: a replica of one shard without a shell. It plans, applies and cuts with the core and keeps what
 * comes of it in a store, so that a test can play leader and followers by hand, and compare what they hold
 * with what a look at every row says.
 */
import { Buffer } from 'node:buffer';
import {
  type Batch,
  type CollectedEntry,
  canonicalForm,
  decodeBatch,
  digestBytes,
  encodeBatch,
  endOfForm,
  entryDigest,
  type Operation,
  xorDigest,
  xorInto,
  zeroDigest,
} from '@driftless/contracts';
import { type Applied, applyBatch, judge, type Verdict } from '../core/apply.ts';
import { type Change, changeOf, changeOfLeader, effectOf } from '../core/change.ts';
import { planCut, touchedKeys } from '../core/cut.ts';
import type { Entry } from '../core/entry.ts';
import { type Plan, planBatch, type WriteRequest } from '../core/plan.ts';
import type { ShardState } from '../core/state.ts';
import { MemoryStore } from '../store/memory.ts';
import type { ShardStore } from '../store/port.ts';

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const emptyValue = bytes('');

/** Digests and canonical forms, each in hexadecimal digits. */
export function formsIn(bytes: Uint8Array): string[] {
  const forms: string[] = [];
  for (let at = 0, end = 0; at < bytes.length; at = end) {
    end = endOfForm(bytes, at + digestBytes);
    forms.push(Buffer.from(bytes.subarray(at, end)).toString('hex'));
  }
  return forms;
}

/** Requests, said shortly. */
export const put = (key: string, value: string, more: object = {}): WriteRequest => ({
  operation: { op: 'put', key, bytes: bytes(value).length, type: 'text/plain', ...more },
  value: bytes(value),
});
export const remove = (key: string, more: object = {}): WriteRequest => ({
  operation: { op: 'delete', key, ...more },
  value: emptyValue,
});
export const increment = (key: string, by = 1, more: object = {}): WriteRequest => ({
  operation: { op: 'increment', key, by, ...more },
  value: emptyValue,
});

export class TestReplica {
  readonly store: ShardStore;
  readonly shard = 0;

  constructor(store: ShardStore = new MemoryStore(() => 0)) {
    this.store = store;
  }

  get state(): ShardState {
    return this.store.state();
  }

  /** Begins an epoch here, as a candidate does; the event. */
  startEpoch(epoch: number, node = `node-${epoch}`, members?: string[]): Uint8Array {
    const { root, applied } = this.state;
    const roots = { prevRoot: root, postRoot: root };
    const ops: Batch['ops'] = [{ op: 'epoch-started', node, members }];
    const batch = { shard: this.shard, epoch, firstSeq: applied.seq + 1, ops, committedAt: 0, ...roots };
    const event = encodeBatch(batch);
    this.apply(event);
    return event;
  }

  /** Plans and commits requests as one batch of a leader. */
  write(requests: readonly WriteRequest[], now = 0): { plan: Plan; event: Uint8Array | undefined } {
    const { store, state, shard } = this;
    const plan = planBatch({
      requests,
      shard,
      epoch: state.applied.epoch,
      state,
      lookup: (key) => store.head(key),
      row: (key) => store.get(key),
      answerOf: (id) => store.answer(id),
      now,
    });
    const { batch, effect } = plan;
    if (!batch) return { plan, event: undefined };
    const event = encodeBatch(batch);
    store.commit(changeOfLeader(state, batch, effect, event));
    return { plan, event };
  }

  /** Commits a leader's record that removes these rows for good. */
  collect(entries: CollectedEntry[]): Uint8Array {
    const { state, shard } = this;
    const { epoch } = state.applied;
    const firstSeq = state.applied.seq + 1;
    const ops: Operation[] = [{ op: 'collected', entries }];
    const { leafXors } = effectOf(ops, epoch, firstSeq, (key) => this.store.get(key));
    const roots = { prevRoot: state.root, postRoot: xorDigest(state.root, leafXors.root()) };
    const event = encodeBatch({ shard, epoch, firstSeq, ops, committedAt: 0, ...roots });
    this.apply(event);
    return event;
  }

  /** The row of a key, as such a record names it. */
  named(key: string): CollectedEntry {
    const row = this.store.get(key);
    if (!row) throw new Error(`There is no row of ${key}.`);
    return { key, version: { epoch: row.epoch, seq: row.seq } };
  }

  /** All tombstones that are kept, as such a record names them. */
  tombstones(): CollectedEntry[] {
    const query = { throughSeq: this.state.applied.seq, expiredBy: -1, limit: 100 };
    return this.store.collectable(query).map(({ key, version }) => ({ key, version }));
  }

  /** The event of requests that are known to lead to operations. */
  event(...requests: WriteRequest[]): Uint8Array {
    const { event } = this.write(requests);
    if (!event) throw new Error('These requests lead to no operation.');
    return event;
  }

  judge(event: Uint8Array): Verdict {
    return judge(decodeBatch(event), this.shard, this.state.applied);
  }

  /** Applies an event, which must be next. */
  apply(event: Uint8Array, stream?: { seq: number }): Applied {
    const verdict = this.judge(event);
    if (verdict.kind !== 'apply') throw new Error(`The verdict is ${verdict.kind}.`);
    const applied = applyBatch(
      decodeBatch(event),
      event,
      this.state,
      (key) => this.store.get(key),
      stream ?? { seq: this.state.streamSeq + 1 },
    );
    this.store.commit(applied.change);
    return applied;
  }

  /** Cuts the log after `afterSeq`; rows that the orphans touched come from `peer`. */
  cut(afterSeq: number, peer: TestReplica): Change {
    const { store, state } = this;
    const orphaned = store.log(afterSeq, Number.POSITIVE_INFINITY).map(({ event }) => decodeBatch(event));
    const rows = new Map<string, Entry>();
    for (const key of touchedKeys(orphaned)) {
      const row = peer.store.get(key);
      if (row) rows.set(key, row);
    }
    const lookup = (key: string): Entry | undefined => store.get(key);
    const change = planCut({
      state,
      afterSeq,
      epochs: store.epochs(),
      sets: store.sets(),
      orphaned,
      lookup,
      rows,
      collectedSeq: peer.state.collected.seq,
    });
    store.commit(change);
    return change;
  }

  /**
   * Goes wherever `leader`'s log leads: cut, then all events behind. What the digest checks found on the way.
   */
  followLogOf(leader: TestReplica): Applied['found'] {
    const found: Applied['found'] = [];
    for (const { event } of leader.store.log(0, Number.POSITIVE_INFINITY)) {
      const verdict = this.judge(event);
      if (verdict.kind === 'duplicate') continue;
      if (verdict.kind === 'orphans') this.cut(verdict.afterSeq, leader);
      found.push(...this.apply(event).found);
    }
    return found;
  }

  /** Puts an entry where it is without telling root, leaves or log: what bit rot and bugs do. */
  tamper(entry: Entry): void {
    this.store.commit(changeOf({ entries: [entry], state: this.state }));
  }

  /** All rows in key order, with values as text. */
  rows() {
    const snapshot = this.store.snapshot();
    try {
      return [...snapshot.entries].map((entry) => ({
        ...entry,
        value: text(entry.value),
        digest: [...entry.digest],
      }));
    } finally {
      snapshot.close();
    }
  }

  /** What a store gives of its rows (`ShardStore.forms`), each in hexadecimal digits. */
  forms(): string[] {
    const snapshot = this.store.snapshot();
    const forms = Array.from(snapshot.entries, (entry) => [entry.digest, canonicalForm(entry)]);
    snapshot.close();
    return forms.map((parts) => Buffer.concat(parts).toString('hex'));
  }

  /** The root that the rows' own bytes lead to. */
  rootOfRows(): Uint8Array {
    const root = zeroDigest();
    const snapshot = this.store.snapshot();
    for (const entry of snapshot.entries) xorInto(root, entryDigest(entry));
    snapshot.close();
    return root;
  }
}
