import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LagConfig, LagTracker } from './lag.ts';

const config = { headSilentMs: 1000, headGapMs: 500, samplesMax: 8 };

/** It has heard the leader since time 0. */
function listening(options: Partial<LagConfig> = {}): LagTracker {
  const tracker = new LagTracker({ ...config, ...options });
  tracker.heard(0, 0);
  return tracker;
}

describe('the lag of a replica', () => {
  it('L1 in operations is how far the head is past what it has applied, never below 0', () => {
    const tracker = listening();
    tracker.heard(10, 0);
    expect(tracker.lag(4, 0)?.ops).toBe(6);
    expect(tracker.lag(10, 0)?.ops).toBe(0);
    expect(tracker.lag(12, 0)).toEqual({ ops: 0, ms: 0 });
    tracker.heard(8, 5);
    expect(tracker.lag(10, 5)?.ops).toBe(0);
    expect(tracker.lag(9, 5)?.ops).toBe(1);
  });

  it('L2 in time is the age of the oldest operation that it has not applied', () => {
    const tracker = listening();
    tracker.heard(10, 100);
    tracker.heard(20, 200);
    tracker.heard(20, 300);
    expect(tracker.lag(5, 400)).toEqual({ ops: 15, ms: 300 });
    expect(tracker.lag(10, 400)).toEqual({ ops: 10, ms: 200 });
    expect(tracker.lag(19, 500)).toEqual({ ops: 1, ms: 300 });
    expect(tracker.lag(20, 600)).toEqual({ ops: 0, ms: 0 });
    tracker.heard(21, 700);
    expect(tracker.lag(20, 750)).toEqual({ ops: 1, ms: 50 });
  });

  it('L3 is unknown, not 0, without news: at first, after silence, and under a new leader', () => {
    const tracker = new LagTracker(config);
    expect(tracker.lag(0, 0)).toBeUndefined();
    tracker.heard(5, 100);
    expect(tracker.lag(5, 1100)).toEqual({ ops: 0, ms: 0 });
    expect(tracker.lag(5, 1101)).toBeUndefined();
    tracker.heard(5, 1200);
    expect(tracker.lag(5, 1300)).toEqual({ ops: 0, ms: 0 });
    tracker.restart();
    expect(tracker.lag(5, 1300)).toBeUndefined();
    tracker.heard(3, 1400);
    expect(tracker.lag(2, 1450)).toEqual({ ops: 1, ms: 50 });
  });

  it('L1, L2 are exact with few samples; with many the age is never too small, and little is kept', () => {
    const head = fc.record({ more: fc.integer({ min: 1, max: 4 }), afterMs: fc.nat(20), apply: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(head, { maxLength: 60, size: 'max' }), (heads) => {
        const [exact, thin] = [1000, 8].map((samplesMax) => listening({ headSilentMs: 1e9, samplesMax }));
        const times: number[] = [];
        let [now, applied] = [0, 0];
        for (const { more, afterMs, apply } of heads) {
          now += afterMs;
          for (let i = 0; i < more; i += 1) times.push(now);
          exact?.heard(times.length, now);
          thin?.heard(times.length, now);
          applied = Math.min(times.length, applied + apply);
          const oldest = times[applied];
          const lag = { ops: times.length - applied, ms: oldest === undefined ? 0 : now - oldest };
          expect(exact?.lag(applied, now)).toEqual(lag);
          expect(thin?.lag(applied, now)?.ops).toBe(lag.ops);
          expect(thin?.lag(applied, now)?.ms).toBeGreaterThanOrEqual(lag.ms);
          if (lag.ops === 0) expect(thin?.lag(applied, now)?.ms).toBe(0);
        }
      }),
    );
  });

  it('L4 staleness is the time since the replica surely had everything', () => {
    const tracker = new LagTracker(config);
    const head = (epoch: number, seq: number, now: number, toldAt = now) =>
      tracker.told({ epoch, seq }, now, toldAt);
    const at = (epoch: number, seq: number, now: number) => tracker.stalenessMs({ epoch, seq }, now);
    expect(at(1, 10, 0)).toBeUndefined();
    head(1, 10, 100, 60);
    expect(at(1, 10, 150)).toBe(90);
    expect(at(1, 9, 150)).toBeUndefined();
    head(1, 12, 200, 160);
    head(1, 12, 300, 260);
    expect(at(1, 10, 400)).toBe(340);
    expect(at(1, 12, 400)).toBe(140);
    // What was told while we were paused is as old as the pause.
    head(1, 12, 900, 300);
    expect(at(1, 12, 900)).toBe(600);
    expect(at(1, 12, 1901)).toBeUndefined();
  });

  it('L5 a deposed leader has no news; under a new one staleness is unknown for a while', () => {
    const tracker = new LagTracker(config);
    tracker.told({ epoch: 2, seq: 20 }, 0, 0);
    tracker.told({ epoch: 1, seq: 30 }, 10, 10);
    expect(tracker.lag(20, 10)?.ops).toBe(0);
    expect(tracker.stalenessMs({ epoch: 1, seq: 30 }, 10)).toBeUndefined();
    expect(tracker.stalenessMs({ epoch: 2, seq: 20 }, 10)).toBe(10);
    // An event is no head: it may be old.
    tracker.heard(20, 50);
    expect(tracker.stalenessMs({ epoch: 2, seq: 20 }, 50)).toBe(50);
    tracker.told({ epoch: 3, seq: 15 }, 60, 60);
    expect(tracker.stalenessMs({ epoch: 2, seq: 20 }, 60)).toBeUndefined();
    expect(tracker.stalenessMs({ epoch: 3, seq: 15 }, 70)).toBe(10);
  });

  it('L6: a replica is behind a head that is past it, or of a later epoch', () => {
    const lag = new LagTracker({ headSilentMs: 1000, headGapMs: 500, samplesMax: 10 });
    const at = (epoch: number, seq: number) => lag.isPast({ epoch, seq });
    expect(at(1, 5)).toBe(false);
    lag.told({ epoch: 2, seq: 7 }, 10, 0);
    expect([at(2, 7), at(2, 6), at(1, 9), at(2, 8), at(3, 1)]).toEqual([false, true, true, false, false]);
    expect(lag.headSeq).toBe(7);
  });

  it('L7 what was missed is as old as the silence: after a pause, a cut, under the next leader', () => {
    const tracker = new LagTracker({ ...config, headSilentMs: 3000 });
    const told = (epoch: number, seq: number, now: number, toldAt = now) =>
      tracker.told({ epoch, seq }, now, toldAt);
    told(1, 10, 1000);
    expect(tracker.lag(10, 1000)).toEqual({ ops: 0, ms: 0 });
    // Paused from 1,050 to 9,000; the queue of heads is read when it wakes. It has ticked at 1,000.
    for (const seq of [11, 50, 90]) told(1, seq, 9000, 1000);
    expect(tracker.lag(10, 9000)).toEqual({ ops: 80, ms: 8000 });
    expect(tracker.lag(50, 9010)).toEqual({ ops: 40, ms: 8010 });
    told(1, 90, 9100, 9000);
    told(1, 95, 9200, 9100);
    expect(tracker.lag(90, 9250)).toEqual({ ops: 5, ms: 50 });
    expect(tracker.lag(95, 9250)).toEqual({ ops: 0, ms: 0 });
    // Cut off until 15,000, and an event comes before the first head.
    tracker.seen(96, 15_000);
    told(1, 120, 15_050, 15_000);
    expect(tracker.lag(95, 15_100)).toEqual({ ops: 25, ms: 6000 });
    expect(tracker.lag(120, 15_150)).toEqual({ ops: 0, ms: 0 });
    told(2, 130, 20_000);
    expect(tracker.lag(120, 20_000)).toEqual({ ops: 10, ms: 5000 });
  });

  it('L7 the age of what a replica lacks when it starts is unknown until that is applied', () => {
    const tracker = new LagTracker(config);
    tracker.heard(10, 100);
    tracker.heard(12, 200);
    expect(tracker.lag(4, 250)).toEqual({ ops: 8, ms: undefined });
    expect(tracker.lag(10, 300)).toEqual({ ops: 2, ms: 100 });
    expect(new LagTracker(config).lag(0, 0)).toBeUndefined();
  });

  it('L7 a leader hears nothing of itself; what it missed began when it led last', () => {
    const tracker = new LagTracker({ ...config, headSilentMs: 3000 });
    tracker.told({ epoch: 1, seq: 10 }, 0, 0);
    tracker.restart();
    for (let now = 0; now <= 60_000; now += 50) tracker.led(now);
    tracker.told({ epoch: 3, seq: 99 }, 60_100, 60_050);
    expect(tracker.lag(90, 60_150)).toEqual({ ops: 9, ms: 50 });
    // Paused for ten seconds and deposed meanwhile.
    tracker.restart();
    tracker.led(70_000);
    tracker.restart();
    tracker.told({ epoch: 5, seq: 150 }, 80_000, 70_000);
    expect(tracker.lag(100, 80_000)).toEqual({ ops: 50, ms: 10_000 });
  });
});
