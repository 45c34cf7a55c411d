import { describe, expect, it } from 'vitest';
import { StandingQueue } from './standing-queue.ts';

const waitMs = 30;
const servedPerMs = 20;

/**
 * Serves all that waits, 20 callers a millisecond and 10 ms at least, again and again: what comes while one
 * request is served goes with the next. Returns what each of the requests held.
 */
function serve(queue: StandingQueue, arrivalsPerMs: (now: number) => number, untilMs: number) {
  const requests: { at: number; callers: number; oldestWaitedMs: number }[] = [];
  let [waiting, oldestAt, busyUntil, refused] = [0, 0, 0, 0];
  for (let now = 0; now < untilMs; now += 1) {
    for (let i = 0; i < arrivalsPerMs(now); i += 1) {
      if (!queue.admits(waiting + 1, now)) refused += 1;
      else {
        if (waiting === 0) oldestAt = now;
        waiting += 1;
      }
    }
    if (now < busyUntil || waiting === 0) continue;
    queue.left(waiting, oldestAt, now);
    requests.push({ at: now, callers: waiting, oldestWaitedMs: now - oldestAt });
    busyUntil = now + Math.max(10, waiting / servedPerMs);
    waiting = 0;
  }
  return { requests, refused };
}

describe('a standing queue', () => {
  it('lets in all of what can be served, and bursts', () => {
    const steady = serve(new StandingQueue(waitMs), () => servedPerMs / 2, 5000);
    expect(steady.refused).toBe(0);
    const bursts = serve(new StandingQueue(waitMs), (now) => (now % 1000 === 0 ? 4000 : 0), 5000);
    expect(bursts.requests.map(({ callers }) => callers)).toContain(4000);
    expect(bursts.refused).toBe(0);
  });

  it('keeps waits short when three times as much comes as is served, and loses no throughput by it', () => {
    const { requests, refused } = serve(new StandingQueue(waitMs), () => servedPerMs * 3, 20_000);
    const late = requests.filter(({ at }) => at > 10_000);
    expect(Math.max(...late.map(({ oldestWaitedMs }) => oldestWaitedMs))).toBeLessThanOrEqual(2 * waitMs);
    const served = late.reduce((sum, { callers }) => sum + callers, 0);
    expect(served).toBeGreaterThanOrEqual(0.95 * servedPerMs * 10_000);
    expect(refused).toBeGreaterThan(0);
  });

  it('lets all in again when less comes', () => {
    const queue = new StandingQueue(waitMs);
    const busy = serve(queue, (now) => (now < 5000 ? servedPerMs * 3 : 1), 10_000);
    expect(busy.refused).toBeGreaterThan(0);
    expect(queue.admits(1_000_000, 10_000)).toBe(true);
  });

  it('is not taken in by a few that leave on time between many that do not', () => {
    const stands = (late: number, onTime: number): boolean => {
      const queue = new StandingQueue(waitMs);
      for (let now = 0; now < 2000; now += 50) {
        queue.left(late, now - 45, now);
        queue.left(onTime, now, now + 5);
      }
      return queue.stands;
    };
    expect(stands(1000, 60)).toBe(true);
    expect(stands(60, 1000)).toBe(false);
  });

  it('leaves a short queue alone, however slow those who serve are', () => {
    const queue = new StandingQueue(waitMs);
    for (let now = 0; now < 5000; now += 200) {
      queue.left(100, now - 190, now);
      for (let waiting = 1; waiting <= 256; waiting += 1) expect(queue.admits(waiting, now + 1)).toBe(true);
    }
    expect(queue.admits(257, 5000)).toBe(false);
  });
});
