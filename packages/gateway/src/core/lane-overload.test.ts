import { describe, expect, it } from 'vitest';
import {
  createLane,
  isCrowded,
  type Lane,
  type LaneEffect,
  type LaneItem,
  type LaneLimits,
  stepLane,
  turnsAway,
} from './lane.ts';

interface Item extends LaneItem {
  id: number;
}

const item = (id: number, offeredAt: number): Item => ({
  id,
  operations: 1,
  bytes: 1,
  offeredAt,
  deadlineAt: 1_000_000,
});
const target = { node: 'a', epoch: 1 };
const limits: LaneLimits = {
  requestsMax: 1,
  crowdedRequestsMax: 2,
  requestOperationsMax: 10_000,
  requestBytesMax: 10_000,
  waitingOperationsMax: 10_000,
  waitingBytesMax: 10_000,
  backoff: { firstMs: 10, maxMs: 100 },
  lingerMs: 0,
  standingWaitMs: 30,
};
const offer = (lane: Lane<Item>, ...items: Item[]): LaneEffect<Item>[] =>
  items.flatMap((one) => stepLane(lane, { type: 'offered', item: one }));
/** As the lane has it: answers name the very object. */
function targetOf(lane: Lane<Item>) {
  if (lane.target === undefined) throw new Error('it has no target');
  return lane.target;
}

describe('a lane in a gateway that is overloaded', () => {
  const turnMs = 50;
  const servedPerMs = 5;
  const comingPerMs = 3 * servedPerMs;
  const countMs = 4000;
  const untilMs = 12_000;

  /**
   * The gateway reads the node's answers, and has the ends of its turns told, only between its long turns;
   * the node does one request after the other.
   */
  function serve(crowdedRequestsMax: number, lingerMs: number) {
    const lane = createLane<Item>({ ...limits, crowdedRequestsMax, lingerMs });
    stepLane(lane, { type: 'routed', target, now: 0 });
    let answers: number[] = [];
    let [busyUntil, turnEndsAt, served] = [0, Number.POSITIVE_INFINITY, 0];
    let [rejected, tooSoon, surprises] = [0, 0, 0];
    const waits: number[] = [];
    const run = (effects: LaneEffect<Item>[], now: number): void => {
      for (const effect of effects) {
        if (effect.type === 'await-turn') turnEndsAt = now + effect.ms;
        else if (effect.type === 'reject') {
          rejected += 1;
          if (lane.underWay < crowdedRequestsMax) tooSoon += 1;
        } else if (effect.type === 'send') {
          expect(lane.underWay).toBeLessThanOrEqual(crowdedRequestsMax);
          busyUntil = Math.max(now, busyUntil) + effect.items.length / servedPerMs;
          answers.push(busyUntil);
          if (now < untilMs - countMs) continue;
          served += effect.items.length;
          waits.push(now - (effect.items[0] as Item).offeredAt);
        }
      }
    };
    for (let now = 0; now < untilMs; now += 1) {
      for (let i = 0; i < comingPerMs; i += 1) {
        const isForetold = turnsAway(lane, now);
        const before = rejected;
        run(stepLane(lane, { type: 'offered', item: item(i, now) }), now);
        if (rejected > before !== isForetold) surprises += 1;
      }
      if (now % turnMs !== 0) continue;
      const due = answers.filter((at) => at <= now);
      answers = answers.filter((at) => at > now);
      for (const _ of due) run(stepLane(lane, { type: 'answered', target: targetOf(lane), now }), now);
      if (turnEndsAt > now) continue;
      turnEndsAt = Number.POSITIVE_INFINITY;
      run(stepLane(lane, { type: 'turn-ended', now }), now);
    }
    expect({ tooSoon, surprises }).toEqual({ tooSoon: 0, surprises: 0 });
    return { ofCapacity: served / (servedPerMs * countMs), rejected, waitMs: Math.max(...waits) };
  }

  it.each([0, 3])('L8 keeps its node busy, whatever the length of turns (linger %i)', (lingerMs) => {
    const { ofCapacity, rejected, waitMs } = serve(2, lingerMs);
    expect(ofCapacity).toBeGreaterThan(0.95);
    expect(waitMs).toBeLessThanOrEqual(2 * turnMs);
    expect(rejected).toBeGreaterThan(0);
    // What the rule is there for: one request at a time.
    expect(serve(1, lingerMs).ofCapacity).toBeLessThan(0.6);
  });

  it('L8 turns nobody away for whom there is a request, but rests when it has to (L6)', () => {
    const lane = createLane<Item>(limits);
    // Its queue stands: it has served late for a while.
    lane.standing.left(1, 0, 100);
    lane.standing.left(1, 500, 600);
    const all = Array.from({ length: 256 }, (_, i) => item(i, 600));
    expect(offer(lane, ...all)).toEqual([]);
    const one = item(256, 600);
    expect(turnsAway(lane, 600)).toBe(true);
    expect(offer(lane, one)).toEqual([{ type: 'reject', item: one }]);
    stepLane(lane, { type: 'routed', target, now: 600 });
    expect(lane.underWay).toBe(1);
    const sent = { target: targetOf(lane), items: all };
    stepLane(lane, { type: 'refused', ...sent, random: 0, now: 600 });
    expect(turnsAway(lane, lane.restingUntil - 1)).toBe(true);
    expect(turnsAway(lane, lane.restingUntil)).toBe(false);
    const late = item(257, lane.restingUntil);
    expect(offer(lane, late)).toMatchObject([{ type: 'send', items: all }]);
    expect(isCrowded(lane)).toBe(true);
  });
});
