import { type Batch, hash128, zeroDigest } from '@driftless/contracts';
import { expect, it } from 'vitest';
import { renderBatch } from './render.ts';

it('a batch shows its range, its roots and every operation', () => {
  const batch: Batch = {
    shard: 2,
    epoch: 3,
    firstSeq: 120,
    committedAt: Date.UTC(2026, 0, 31),
    prevRoot: zeroDigest(),
    postRoot: hash128(Buffer.from('x')),
    ops: [
      { op: 'epoch-started', node: 'node-1' },
      { op: 'put', key: 'a\n', value: Buffer.from('12345'), contentType: 'text/plain', expiresAt: 0 },
      { op: 'delete', key: 'b' },
      { op: 'answer', answer: { id: 'once', fingerprint: 'f', result: {} } },
      {
        op: 'collected',
        entries: [1, 2, 3, 4, 5].map((seq) => ({ key: `k${seq}`, version: { epoch: 2, seq } })),
      },
    ],
  };
  const lines = renderBatch(batch, (_style, text) => text);
  expect(lines[0]).toBe('3-120 … 3-124  shard 2  2026-01-31T00:00:00.000Z  root 000000000000 → 2d711642b726');
  expect(lines.slice(1).map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['3-120', 'epoch-started', 'led by node-1'],
    ['3-121', 'put', 'a\\u000a', '5 bytes', 'text/plain', 'expires 1970-01-01T00:00:00.000Z'],
    ['3-122', 'delete', 'b'],
    ['3-123', 'answer', 'Idempotency-Key once'],
    ['3-124', 'collected', 'k1 at 2-1, k2 at 2-2, k3 at 2-3, 2 more'],
  ]);
  expect(renderBatch({ ...batch, ops: batch.ops.slice(0, 1) }, (_s, text) => text)[0]).toMatch(
    /^3-120 {2}shard/,
  );
});
