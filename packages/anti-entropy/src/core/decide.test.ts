import type { RowHead } from '@driftless/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { type Agreed, decide, isOrphan, type Side } from './decide.ts';
import { breakBy } from './mutants.ts';

/** Captured at 2-100; both stand at 2-110. Epoch 2 began at 50. */
const agreed: Agreed = {
  throughSeq: 100,
  epochs: [
    { epoch: 1, firstSeq: 1 },
    { epoch: 2, firstSeq: 50 },
  ],
};
const rows = {
  none: undefined,
  low: row(1, 40),
  high: row(2, 90),
  /** The version of `high`, with other bytes. */
  other: { ...row(2, 90), digest: 'e'.repeat(32) },
  rotten: { ...row(2, 95), sound: false },
  orphan: row(1, 95),
  ahead: row(2, 200),
  recent: row(2, 105),
} satisfies Record<string, RowHead | undefined>;
type Kind = keyof typeof rows;
const kinds = Object.keys(rows) as Kind[];

function row(epoch: number, seq: number): RowHead {
  return {
    key: 'k',
    version: { epoch, seq },
    digest: 'd'.repeat(32),
    sound: true,
    tombstone: false,
    bytes: 3,
  };
}

function side(kind: Kind, trusted: boolean, more: Partial<Side> = {}): Side {
  const position = { epoch: 2, seq: 110 };
  return { row: rows[kind], asListed: true, trusted, position, collectedSeq: 0, ...more };
}

const action = (ours: Side, theirs: Side): string => decide(ours, theirs, agreed).action;

/** Pairs that can differ, without those that wait. */
const pairs = kinds.flatMap((ours) =>
  kinds.flatMap((theirs) => (ours === theirs || [ours, theirs].includes('recent') ? [] : [{ ours, theirs }])),
);

afterEach(() => breakBy(undefined));

describe('whom to believe', () => {
  it.each(pairs)(
    'a trusted replica keeps its $ours, whatever an untrusted peer has ($theirs)',
    ({ ours, theirs }) => {
      expect(action(side(ours, true), side(theirs, false))).toBe('keep');
    },
  );

  it.each(pairs)(
    'X4 an untrusted one with $ours has what a trusted peer has: $theirs',
    ({ ours, theirs }) => {
      const cannotWin = ['rotten', 'orphan', 'ahead'].includes(theirs);
      const expected = theirs === 'none' ? 'remove' : cannotWin ? 'undecided' : 'take';
      expect(action(side(ours, false), side(theirs, true))).toBe(expected);
    },
  );

  /** Ours down, the peer's across. */
  const alike: Record<string, Record<string, string>> = {
    none: { low: 'take', high: 'take', other: 'take' },
    low: { none: 'keep', high: 'take', other: 'take', rotten: 'keep', orphan: 'keep', ahead: 'keep' },
    high: { none: 'keep', low: 'keep', rotten: 'keep', orphan: 'keep', ahead: 'keep' },
    other: { none: 'keep', low: 'keep', rotten: 'keep', orphan: 'keep', ahead: 'keep' },
    rotten: { low: 'take', high: 'take', other: 'take' },
    orphan: { low: 'take', high: 'take', other: 'take' },
    ahead: { low: 'take', high: 'take', other: 'take' },
  };
  it.each(pairs)('X4 with both or none of them trusted, $ours against $theirs', ({ ours, theirs }) => {
    const expected = alike[ours]?.[theirs] ?? 'undecided';
    expect(action(side(ours, true), side(theirs, true))).toBe(expected);
    expect(action(side(ours, false), side(theirs, false))).toBe(expected);
  });
});

describe('what tells nothing waits', () => {
  const trusts = [true, false].flatMap((ours) => [true, false].map((theirs) => ({ ours, theirs })));
  it.each(trusts)('with ours trusted: $ours, the peer: $theirs', ({ ours, theirs }) => {
    for (const kind of kinds) {
      expect(action(side('recent', ours), side(kind, theirs))).toBe('wait');
      expect(action(side(kind, ours), side('recent', theirs))).toBe('wait');
    }
    const collected = { collectedSeq: 101 };
    expect(action(side('none', ours, collected), side('low', theirs))).toBe('wait');
    expect(action(side('low', ours), side('none', theirs, collected))).toBe('wait');
    expect(action(side('low', ours, { asListed: false }), side('high', theirs))).toBe('wait');
    expect(action(side('low', ours), side('high', theirs, { asListed: false }))).toBe('wait');
  });

  it('but not a row that is there, nor one that was gone before the capture', () => {
    expect(action(side('low', false, { collectedSeq: 105 }), side('high', true))).toBe('take');
    expect(action(side('low', false), side('none', true, { collectedSeq: 100 }))).toBe('remove');
  });
});

it('an orphan is a version past the end of its epoch', () => {
  expect(isOrphan({ epoch: 1, seq: 49 }, agreed.epochs)).toBe(false);
  expect(isOrphan({ epoch: 1, seq: 50 }, agreed.epochs)).toBe(true);
  expect(isOrphan({ epoch: 2, seq: 50 }, agreed.epochs)).toBe(false);
  expect(isOrphan({ epoch: 2, seq: 5000 }, agreed.epochs)).toBe(false);
});

it('every decision has a sentence for people', () => {
  for (const { ours, theirs } of pairs) {
    for (const trusted of [true, false]) {
      const { reason } = decide(side(ours, trusted), side(theirs, !trusted), agreed);
      expect(reason).toMatch(/^[A-Z].{10,}\.$/);
    }
  }
});

it('the mutant repair-lower-version is seen: a trusted replica gives its row away', () => {
  breakBy('repair-lower-version');
  expect(action(side('high', true), side('low', false))).toBe('take');
});
