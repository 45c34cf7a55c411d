/** What the harness records is judged as the harness's own check judges it, and by more. */
import { Buffer } from 'node:buffer';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readHistory } from '@driftless/checkers';
import { shardOf } from '@driftless/contracts';
import { expect, it } from 'vitest';
import type { Dump, HistoryEntry } from '../harness/index.ts';
import { type Recording, violationsOf, writeRecording } from './record.ts';

const shardCount = 2;
const entry = (key: string, number: number, outcome: HistoryEntry['outcome'] = 'ok'): HistoryEntry => {
  const status = outcome === 'ok' ? 200 : outcome === 'info' ? 504 : 503;
  return { key, number, invokedAt: number * 10, endedAt: number * 10 + 5, outcome, status };
};
const entries = [entry('a', 1), entry('b', 2), entry('a', 3), entry('a', 4, 'info'), entry('b', 5, 'fail')];

/** Dumps of two nodes; by key: number and seq. */
function dumps(...nodes: Record<string, [number: number, seq: number]>[]): Dump[] {
  return nodes.flatMap((held, i) =>
    Array.from({ length: shardCount }, (_, shard): Dump => {
      const own = Object.entries(held).filter(([key]) => shardOf(key, shardCount) === shard);
      const rows = own.map(([key, [number, seq]]) => {
        const value = Buffer.from(JSON.stringify({ number })).toString('base64');
        const version = { epoch: 1, seq };
        return [
          key,
          { key, version, tombstone: false, type: 'application/json', expiresAt: null, value },
        ] as const;
      });
      const position = { epoch: 1, seq: 9 };
      return { head: { node: `node-${i}`, shard, position, root: 'r' }, rows: new Map(rows), root: 'r' };
    }),
  );
}

const recording = (...nodes: Parameters<typeof dumps>): Recording => {
  return { entries, dumps: dumps(...nodes), shardCount, ack: 'stream', dumpedAt: 900 };
};

it.each([
  ['the last acknowledged write', { a: [3, 4], b: [2, 3] }],
  ['a later one without an answer', { a: [4, 5], b: [2, 3] }],
] as const)('accepts replicas that hold %s', (_what, held) => {
  const same = { a: [...held.a], b: [...held.b] } as Record<string, [number, number]>;
  expect(violationsOf(recording(same, same))).toEqual([]);
});

it('names what is wrong', () => {
  expect(violationsOf(recording({ a: [1, 2], b: [2, 3] }))).toEqual([
    'lost-writes: a: put "{"number":3}" was acknowledged (stream), ' +
      'but the newest replica holds "{"number":1}" at 1-2',
  ]);
  expect(violationsOf(recording({ a: [3, 4] }))).toEqual([
    'lost-writes: b: put "{"number":2}" was acknowledged (stream), but the newest replica holds nothing',
  ]);
  expect(violationsOf(recording({ a: [3, 4], b: [5, 6] }))).toEqual([
    'phantoms: b: "{"number":5}" was seen on node-0, but put "{"number":5}" was refused (no code)',
  ]);
  expect(violationsOf(recording({ a: [3, 4], b: [2, 3] }, { a: [4, 5], b: [2, 3] }))).toEqual([
    'convergence: a: node-0 holds "{"number":3}" at 1-4, node-1 holds "{"number":4}" at 1-5',
  ]);
});

it('knows what a fault takes, and how long convergence took', () => {
  const faults = [
    { at: 20, phase: 'begin' as const, fault: 'all at once', takes: ['leader' as const, 'stream' as const] },
    { at: 800, phase: 'end' as const, fault: 'all at once' },
  ];
  const lost = { ...recording({ b: [2, 3] }, { b: [2, 3] }), faults };
  expect(violationsOf(lost)).toEqual([]);
  expect(violationsOf(lost, { convergedWithinMs: 99 })).toEqual([
    'convergence: it took 100 ms to converge, and the bound is 99 ms',
  ]);
});

it('is kept as a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'driftless-recording-'));
  try {
    writeRecording(join(folder, 'history'), recording({ a: [3, 4], b: [2, 3] }));
    const { operations, dumps: kept, shards } = await readHistory(createReadStream(join(folder, 'history')));
    expect([operations.length, kept.length, shards]).toEqual([entries.length, 2, shardCount]);
    expect(operations.map(({ outcome }) => outcome)).toEqual(entries.map(({ outcome }) => outcome));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
