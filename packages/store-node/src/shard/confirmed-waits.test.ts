import { systemClock } from '@driftless/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConfirmedWaits } from './confirmed-waits.ts';

describe('waits for the log to be confirmed further', () => {
  const never = new AbortController().signal;
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('end when more than their seq is confirmed, and not before', async () => {
    const waits = new ConfirmedWaits(systemClock);
    const near = waits.wait(7, 1000, never);
    void waits.wait(9, 1000, never);
    waits.reached(7);
    expect(waits.size).toBe(2);
    waits.reached(8);
    expect(waits.size).toBe(1);
    await near;
  });

  it('end when their time is over', async () => {
    const waits = new ConfirmedWaits(systemClock);
    const wait = waits.wait(7, 1000, never);
    vi.advanceTimersByTime(999);
    expect(waits.size).toBe(1);
    vi.advanceTimersByTime(1);
    expect(waits.size).toBe(0);
    await wait;
  });

  it('end when nobody listens any more', async () => {
    const waits = new ConfirmedWaits(systemClock);
    const caller = new AbortController();
    const wait = waits.wait(7, 1000, caller.signal);
    caller.abort();
    await wait;
    await waits.wait(7, 1000, caller.signal);
    expect(waits.size).toBe(0);
  });

  it('are bounded', () => {
    const waits = new ConfirmedWaits(systemClock);
    for (let i = 0; i < 256; i += 1) void waits.wait(i, 1000, never);
    expect(() => waits.wait(1, 1000, never)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    waits.reached(300);
    expect(waits.size).toBe(0);
  });
});
