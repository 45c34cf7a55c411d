import { lastSeqOf } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { historyOf, plansOf } from '../../testing/history.ts';
import { changesOf } from './changes.ts';
import { WatchCursor } from './cursor.ts';
import { decodeToken } from './token.ts';

interface Seen {
  id: string;
  at: string;
}

/** `shard version` and token of each event in a text. */
function eventsIn(text: string): Seen[] {
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => {
      const id = /^id: (.*)$/m.exec(event)?.[1] ?? '';
      const data = JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? '') as { shard: number; version: string };
      return { id, at: `${data.shard} ${data.version}` };
    });
}

const start = { epoch: 0, seq: 0 };

describe('the cursor of a watcher', () => {
  it('shows the same from any token on as it did without a break, for any interleaving of shards', () => {
    const turns = fc.array(fc.boolean(), { maxLength: 40 });
    fc.assert(
      fc.property(plansOf(8), plansOf(8), turns, fc.nat(), (one, other, order, nth) => {
        const histories = [historyOf(one, 0), historyOf(other, 1)];
        const watch = (cursor: WatchCursor): Seen[] => {
          const seen: Seen[] = [];
          const pull = (shard: number): boolean => {
            const next = histories[shard]?.find((batch) => lastSeqOf(batch) > cursor.at(shard).seq);
            if (next) seen.push(...eventsIn(cursor.take(shard, changesOf(next)).text));
            return next !== undefined;
          };
          for (const first of order) pull(first ? 0 : 1);
          while (pull(0) || pull(1));
          return seen;
        };
        const whole = watch(new WatchCursor('c', 'a/', [start, start]));
        const wanted = histories.flatMap((history, shard) =>
          history.flatMap(({ epoch, firstSeq, ops }) =>
            ops.flatMap((op, i) =>
              'key' in op && op.key.startsWith('a/') ? [`${shard} ${epoch}-${firstSeq + i}`] : [],
            ),
          ),
        );
        const inOrder = (seen: Seen[]) => [0, 1].flatMap((n) => seen.filter(({ at }) => at[0] === String(n)));
        expect(inOrder(whole).map(({ at }) => at)).toEqual(wanted);
        if (whole.length === 0) return;
        const cut = nth % whole.length;
        const from = decodeToken('c', 2, whole[cut]?.id ?? '');
        const rest = watch(new WatchCursor('c', 'a/', from));
        const before = whole.slice(0, cut + 1);
        expect(inOrder([...before, ...rest]).map(({ at }) => at)).toEqual(wanted);
      }),
    );
  });

  it('moves past batches that have nothing for it', () => {
    const cursor = new WatchCursor('c', 'zzz', [start]);
    for (const batch of historyOf([{ newEpoch: true, ops: [{ key: 'a/1', isDelete: false }] }])) {
      expect(cursor.take(0, changesOf(batch))).toEqual({ text: '', events: 0 });
    }
    expect(cursor.at(0)).toEqual({ epoch: 1, seq: 2 });
  });

  it('takes no gap and nothing twice', () => {
    const cursor = new WatchCursor('c', '', [{ epoch: 1, seq: 5 }]);
    const batch = { epoch: 1, changes: [], bytes: 0 };
    expect(() => cursor.take(0, { ...batch, firstSeq: 7, lastSeq: 8 })).toThrow(/follows/);
    expect(() => cursor.take(0, { ...batch, firstSeq: 4, lastSeq: 5 })).toThrow(/follows/);
  });
});
