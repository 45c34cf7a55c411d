import type { Position } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Convergence } from './convergence.ts';

const members = ['a', 'b', 'c'];
const limits = { sampleMs: 10, samplesMax: 8 };

/** Of a leader `a` in epoch 2. */
function told(positions: Record<string, number>, epoch = 2): Map<string, Position> {
  return new Map(Object.entries(positions).map(([node, seq]) => [node, { epoch, seq }]));
}

describe('the convergence of what a leader commits', () => {
  it('C1, C2 ends when every member has told that it has it, each commit once', () => {
    const convergence = new Convergence(2, limits);
    convergence.committed(10, 100);
    convergence.committed(20, 200);
    expect(convergence.reached(members, told({ a: 20, b: 20 }), 210)).toEqual([]);
    expect(convergence.reached(members, told({ a: 20, b: 20, c: 19 }), 250)).toEqual([150]);
    expect(convergence.reached(members, told({ a: 20, b: 20, c: 19 }), 260)).toEqual([]);
    expect(convergence.reached(members, told({ a: 20, b: 20, c: 20 }), 300)).toEqual([100]);
    convergence.committed(21, 400);
    expect(convergence.reached(['a', 'b'], told({ a: 21, b: 21 }), 450)).toEqual([50]);
  });

  it('C1 does not count what a member told of another epoch', () => {
    const convergence = new Convergence(2, limits);
    convergence.committed(10, 100);
    const positions = told({ a: 10, b: 10 });
    positions.set('c', { epoch: 1, seq: 12 });
    expect(convergence.reached(members, positions, 150)).toEqual([]);
    expect(convergence.lagOf('c', positions, 150)).toEqual({ ops: undefined, ms: 50 });
  });

  it('C2 takes commits within a moment as one: as old as the first, as far as the last', () => {
    const convergence = new Convergence(2, limits);
    convergence.committed(10, 100);
    convergence.committed(11, 105);
    convergence.committed(12, 111);
    expect(convergence.reached(members, told({ a: 12, b: 12, c: 10 }), 120)).toEqual([]);
    expect(convergence.reached(members, told({ a: 12, b: 12, c: 12 }), 130)).toEqual([30, 19]);
  });

  it('C3 tells since when a member lacks something, and how much', () => {
    const convergence = new Convergence(2, limits);
    convergence.committed(10, 100);
    convergence.committed(20, 200);
    const positions = told({ a: 20, b: 20, c: 10 });
    expect(convergence.lagOf('b', positions, 500)).toEqual({ ops: 0, ms: 0 });
    expect(convergence.lagOf('c', positions, 500)).toEqual({ ops: 10, ms: 300 });
    expect(convergence.lagOf('d', positions, 500)).toEqual({ ops: undefined, ms: 400 });
  });

  it('C4 never tells an age that is too small, however few samples are kept', () => {
    const step = fc.record({ afterMs: fc.nat(30), apply: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const convergence = new Convergence(2, limits);
        const times: number[] = [];
        let [now, applied, counted] = [0, 0, 0];
        for (const { afterMs, apply } of steps) {
          now += afterMs;
          times.push(now);
          convergence.committed(times.length, now);
          applied = Math.min(times.length, applied + apply);
          const positions = told({ a: times.length, b: times.length, c: applied });
          counted += convergence.reached(members, positions, now).length;
          const oldest = times[applied];
          const { ops, ms } = convergence.lagOf('c', positions, now);
          expect(ops).toBe(times.length - applied);
          if (oldest === undefined) expect(ms).toBe(0);
          else expect(ms).toBeGreaterThanOrEqual(now - oldest);
        }
        const all = told({ a: times.length, b: times.length, c: times.length });
        counted += convergence.reached(members, all, now).length;
        expect(counted).toBeLessThanOrEqual(times.length);
        expect(convergence.reached(members, all, now)).toEqual([]);
      }),
    );
  });
});
