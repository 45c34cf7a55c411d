import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Barrier, isStillOurs } from './barrier.ts';

describe('the barrier of strong reads', () => {
  it('B1 a read waits for a round trip that began after it arrived', () => {
    const barrier = new Barrier<string>();
    expect(barrier.arrived('a')).toBe(true);
    expect(barrier.arrived('b')).toBe(false);
    expect(barrier.arrived('c')).toBe(false);
    expect(barrier.tripEnded()).toEqual({ reads: ['a'], askAgain: true });
    expect(barrier.arrived('d')).toBe(false);
    expect(barrier.tripEnded()).toEqual({ reads: ['b', 'c'], askAgain: true });
    expect(barrier.tripEnded()).toEqual({ reads: ['d'], askAgain: false });
    expect(barrier.arrived('e')).toBe(true);
  });

  it('B1–B2 in any order: each read ends once, by the first trip that began after it', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('read', 'end'), { maxLength: 60 }), (steps) => {
        const barrier = new Barrier<{ arrivedAt: number }>();
        const ended: number[] = [];
        let [arrived, trip, trips] = [0, undefined as number | undefined, 0];
        for (const [at, step] of steps.entries()) {
          if (step === 'read') {
            const ask = barrier.arrived({ arrivedAt: at });
            arrived += 1;
            expect(ask).toBe(trip === undefined);
            if (ask) trip = at;
          } else if (trip !== undefined) {
            const { reads, askAgain } = barrier.tripEnded();
            for (const read of reads) expect(read.arrivedAt).toBeLessThanOrEqual(trip);
            ended.push(...reads.map(({ arrivedAt }) => arrivedAt));
            trips += 1;
            trip = askAgain ? at : undefined;
          }
          expect(barrier.size).toBe(arrived - ended.length);
        }
        expect(ended).toEqual([...new Set(ended)].sort((a, b) => a - b));
        expect(trips).toBeLessThanOrEqual(Math.max(arrived, 1));
      }),
    );
  });

  it('B3 only the same stream with our epoch last proves that we lead', () => {
    const ours = { epoch: 3, streamCreatedAt: 'x', streamSeq: 40 };
    const message = { streamSeq: 40, epoch: 3, firstSeq: 90, lastSeq: 95 };
    const end = { createdAt: 'x', streamSeq: 40, message };
    expect(isStillOurs(end, ours)).toBe(true);
    expect(isStillOurs({ ...end, createdAt: 'y' }, ours)).toBe(false);
    expect(isStillOurs({ ...end, message: { ...message, epoch: 4 } }, ours)).toBe(false);
    expect(isStillOurs({ ...end, message: { ...message, epoch: 2 } }, ours)).toBe(false);
    expect(isStillOurs({ createdAt: 'x', streamSeq: 40 }, ours)).toBe(true);
    expect(isStillOurs({ createdAt: 'x', streamSeq: 41 }, ours)).toBe(false);
  });
});
