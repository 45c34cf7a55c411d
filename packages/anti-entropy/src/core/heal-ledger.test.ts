import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HealLedger } from './heal-ledger.ts';

const limits = { healsMax: 3, windowMs: 1000, keysMax: 4 };

describe('the ledger of heals', () => {
  it('X8 stops a key that was healed so often within the window, and no other, by brute force', () => {
    const heal = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), after: fc.nat({ max: 700 }) });
    fc.assert(
      fc.property(fc.array(heal, { maxLength: 60 }), (heals) => {
        const ledger = new HealLedger(limits);
        const all: { key: string; at: number }[] = [];
        let now = 0;
        for (const { key, after } of heals) {
          now += after;
          ledger.healed(key, now);
          all.push({ key, at: now });
          for (const other of ['a', 'b', 'c', 'd']) {
            const lately = all.filter(({ key, at }) => key === other && now - at < limits.windowMs);
            expect(ledger.isStopped(other, now)).toBe(lately.length >= limits.healsMax);
          }
        }
      }),
    );
  });

  it('X8 lets a stopped key go when the window has passed', () => {
    const ledger = new HealLedger(limits);
    for (const at of [0, 10, 20]) ledger.healed('a', at);
    expect(ledger.isStopped('a', 999)).toBe(true);
    expect(ledger.isStopped('a', 1000)).toBe(false);
    ledger.healed('a', 1000);
    expect(ledger.isStopped('a', 1000)).toBe(true);
  });

  it('forgets the keys healed longest ago, so its memory is bounded', () => {
    const ledger = new HealLedger(limits);
    for (const at of [0, 1, 2]) ledger.healed('kept', at);
    for (let i = 0; i < 3; i += 1) ledger.healed(`other-${i}`, 10 + i);
    expect(ledger.isStopped('kept', 20)).toBe(true);
    ledger.healed('one-too-many', 20);
    expect(ledger.size).toBe(limits.keysMax);
    expect(ledger.isStopped('kept', 20)).toBe(false);
  });
});
