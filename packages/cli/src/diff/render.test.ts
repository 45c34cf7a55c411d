import type { ExchangeAnswer } from '@driftless/contracts';
import { expect, it } from 'vitest';
import { renderDiff } from './render.ts';

const plain = (_style: unknown, text: string): string => text;
const nothing = { found: 0, compared: 0, healed: 0, leaves: 0, bytesReceived: 128, bytesShipped: 0 };
const left = {
  repair: 0,
  budget: 0,
  keep: 0,
  wait: 0,
  undecided: 0,
  stopped: 0,
  ourLeaves: 0,
  theirLeaves: 0,
};
const answer: ExchangeAnswer = {
  node: 'node-1',
  with: 'node-2',
  shard: 3,
  outcome: 'equal',
  position: { epoch: 2, seq: 77 },
  differences: [],
  counts: nothing,
  left,
  tookMs: 4,
};

it('equal replicas are one line, with the position and what it cost', () => {
  expect(renderDiff(answer, plain)).toEqual([
    'shard 3, node-1 and node-2 at 2-77: equal, 128 bytes received',
  ]);
});

it('what could not be compared says why, and not that it is equal', () => {
  const { position: _, ...without } = answer;
  const given = { ...without, outcome: 'not-comparable', reason: 'They did not meet.' } as const;
  expect(renderDiff(given, plain)).toEqual([
    'shard 3, node-1 and node-2: not-comparable, 128 bytes received. They did not meet.',
  ]);
});

it('each key has both sides, what healing would do, and why', () => {
  const side = { version: { epoch: 2, seq: 7 }, digest: 'ab'.repeat(16), sound: true, tombstone: false };
  const lines = renderDiff(
    {
      ...answer,
      outcome: 'different',
      reason: 'Left: 1 row.',
      counts: { ...nothing, found: 120 },
      differences: [
        {
          key: 'user/\u001b1',
          bucket: 9,
          ours: { ...side, bytes: 1200, sound: false },
          theirs: { ...side, bytes: 1200, digest: 'cd'.repeat(16) },
          action: 'take',
          reason: 'Rotten.',
        },
        {
          key: 'gone',
          bucket: 9,
          theirs: { ...side, bytes: 0, tombstone: true },
          action: 'wait',
          reason: 'New.',
        },
      ],
    },
    plain,
  );
  expect(lines[1]).toMatch(
    /^"user\/\\u001b1" +2-7 +1,200 B +abababababab ROTTEN +2-7 +1,200 B +cdcdcdcdcdcd +take +Rotten\.$/,
  );
  expect(lines[2]).toMatch(/^"gone" +no row +2-7 deleted +0 B +abababababab +wait +New\.$/);
  expect(lines.at(-1)).toBe(
    'shard 3, node-1 and node-2 at 2-77: different: 120 keys (2 shown), 128 bytes received. Left: 1 row.',
  );
});
