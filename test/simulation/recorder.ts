/** The history of a run, as the checkers take it. */

import { createHash } from 'node:crypto';
import { HistoryAssembler, type HistoryEvent, historyFormat } from '@driftless/checkers';
import {
  comparePositions,
  type Digest,
  decodeBatch,
  type EpochStart,
  formatDigest,
  formatPosition,
  type Position,
  parsePosition,
} from '@driftless/contracts';
import type { ShardStore } from '@driftless/store-node/simulation';

const text = new TextDecoder();

/** Where a replica stands, on disk or not yet. */
export interface Standing {
  node: string;
  position: Position;
  root: Digest;
}

export class Recorder {
  readonly events: HistoryEvent[] = [];
  readonly #now: () => number;
  readonly #last = new Map<string, string>();
  readonly #collected = new Set<string>();

  constructor(shards: number, now: () => number) {
    this.#now = now;
    this.events.push({ type: 'history', format: historyFormat, shards });
  }

  add(event: HistoryEvent): void {
    this.events.push(event);
  }

  get now(): number {
    return this.#now();
  }

  /** A replica has this on disk. */
  synced(node: string, shard: number, store: ShardStore): void {
    const { applied: position, root } = store.state();
    if (position.epoch === 0) return;
    const at = this.#now();
    const place = `${position.epoch}-${position.seq} ${formatDigest(root)}`;
    if (this.#last.get(`${node} ${shard}`) === place) return;
    this.#last.set(`${node} ${shard}`, place);
    this.events.push({ type: 'applied', at, node, shard, position, root: formatDigest(root) });
  }

  /** A replica has a record that removes rows for good; the first one of it tells where all stand. */
  collected(
    node: string,
    shard: number,
    store: ShardStore,
    event: Uint8Array,
    all: readonly Standing[],
  ): void {
    const { set } = store.state();
    const { epoch, firstSeq, ops } = decodeBatch(event);
    for (const [index, operation] of ops.entries()) {
      if (operation.op !== 'collected') continue;
      const position = { epoch, seq: firstSeq + index };
      const name = `${shard} ${formatPosition(position)}`;
      if (this.#collected.has(name)) continue;
      this.#collected.add(name);
      const { entries: rows } = operation;
      const members = [...set.members];
      const at = this.#now();
      this.events.push({ type: 'collected', at, node, shard, position, members, rows });
      for (const { node, position, root } of all) {
        if (rows.every(({ version }) => comparePositions(position, version) >= 0)) continue;
        this.events.push({ type: 'applied', at, node, shard, position, root: formatDigest(root) });
      }
    }
  }

  /** Epochs that a replica has begun, told while it runs: a later cut may take them back. */
  epochs(node: string, shard: number, epochs: readonly (EpochStart & { node: string })[]): void {
    const at = this.#now();
    for (const { epoch, firstSeq, node: leader } of epochs) {
      this.events.push({ type: 'epoch', at, node, shard, epoch, firstSeq, leader });
    }
  }

  /** All that a replica holds in the end. */
  dump(node: string, shard: number, store: ShardStore): void {
    const at = this.#now();
    this.epochs(node, shard, store.epochs());
    for (const { firstSeq, lastSeq, epoch, event } of store.log(0, Number.POSITIVE_INFINITY)) {
      const digest = createHash('sha256').update(event).digest('hex');
      this.events.push({ type: 'log', at, node, shard, epoch, firstSeq, lastSeq, digest });
    }
    const { state, entries } = store.snapshot();
    const rows = [...entries];
    const id = `${node}/${shard}`;
    const root = formatDigest(state.root);
    this.events.push({
      type: 'dump',
      id,
      at,
      node,
      shard,
      final: true,
      position: state.applied,
      root,
      rows: rows.length,
    });
    for (const { key, epoch, seq, tombstone, value } of rows) {
      const version = { epoch, seq };
      this.events.push({ type: 'row', dump: id, key, version, value: tombstone ? null : text.decode(value) });
    }
  }

  history() {
    const assembler = new HistoryAssembler();
    for (const event of this.events) assembler.event(event);
    return assembler.build();
  }
}

export function positionOf(version: string | undefined): Position | undefined {
  return version === undefined ? undefined : parsePosition(version);
}
