import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLane, type Lane, type LaneEffect, type LaneItem, type LaneLimits, stepLane } from './lane.ts';

const limits: LaneLimits = {
  requestsMax: 2,
  crowdedRequestsMax: 2,
  requestOperationsMax: 4,
  requestBytesMax: 100,
  waitingOperationsMax: 10,
  waitingBytesMax: 300,
  backoff: { firstMs: 10, maxMs: 100 },
  lingerMs: 0,
  standingWaitMs: 30,
};

interface Item extends LaneItem {
  id: number;
}

const item = (id: number, more: Partial<Item> = {}): Item => ({
  id,
  operations: 1,
  bytes: 1,
  offeredAt: 0,
  deadlineAt: 1_000_000,
  ...more,
});
const node = (name = 'a', epoch = 1) => ({ node: name, epoch });
const ids = (effects: readonly LaneEffect<Item>[], type: 'send' | 'expire' = 'send'): number[][] =>
  effects.flatMap((effect) => (effect.type === type ? [effect.items.map(({ id }) => id)] : []));
const sendOf = (effects: readonly LaneEffect<Item>[]) => {
  const found = effects.find((effect) => effect.type === 'send');
  if (found?.type !== 'send') throw new Error('nothing was sent');
  return found;
};

function routedLane(): Lane<Item> {
  const lane = createLane<Item>(limits);
  stepLane(lane, { type: 'routed', target: node(), now: 0 });
  return lane;
}

const offer = (lane: Lane<Item>, ...items: Item[]): LaneEffect<Item>[] =>
  items.flatMap((one) => stepLane(lane, { type: 'offered', item: one }));

describe('a lane', () => {
  it('sends what arrived in one turn in one request, when the turn ends (L7)', () => {
    const lane = routedLane();
    expect(offer(lane, item(1), item(2), item(3))).toEqual([{ type: 'await-turn', ms: 0 }]);
    expect(ids(stepLane(lane, { type: 'turn-ended', now: 0 }))).toEqual([[1, 2, 3]]);
  });

  it('gathers while its requests are under way, and goes on when one is answered (L3)', () => {
    const lane = routedLane();
    offer(lane, item(1));
    const first = sendOf(stepLane(lane, { type: 'turn-ended', now: 0 }));
    offer(lane, item(2));
    stepLane(lane, { type: 'turn-ended', now: 0 });
    expect(offer(lane, item(3), item(4))).toEqual([]);
    expect(ids(stepLane(lane, { type: 'answered', target: first.target, now: 1 }))).toEqual([[3, 4]]);
  });

  it('bounds a request by operations and bytes, but sends a larger item alone (L4)', () => {
    const lane = routedLane();
    offer(lane, item(1, { bytes: 250 }), item(2, { operations: 3 }), item(3, { operations: 2 }));
    expect(ids(stepLane(lane, { type: 'turn-ended', now: 0 }))).toEqual([[1], [2]]);
  });

  it('rejects what is over its bounds (L5)', () => {
    const lane = createLane<Item>(limits);
    offer(lane, item(1, { operations: 9 }));
    expect(offer(lane, item(2, { operations: 2 }))).toEqual([
      { type: 'reject', item: item(2, { operations: 2 }) },
    ]);
    expect(offer(lane, item(3, { bytes: 300 }))).toMatchObject([{ type: 'reject' }]);
    expect(offer(lane, item(4))).toEqual([]);
  });

  it('rejects whom a queue that stands does not serve in time, and takes all again later (L5)', () => {
    const many = { waitingOperationsMax: 1000, waitingBytesMax: 1000, requestOperationsMax: 1000 };
    const lane = createLane<Item>({
      ...limits,
      ...many,
      requestBytesMax: 1000,
      requestsMax: 1,
      crowdedRequestsMax: 1,
    });
    stepLane(lane, { type: 'routed', target: node(), now: 0 });
    const target = lane.target as NonNullable<typeof lane.target>;
    const offerAt = (offeredAt: number): number => {
      const all = Array.from({ length: 300 }, (_, i) => item(i, { offeredAt }));
      return offer(lane, ...all).filter(({ type }) => type === 'reject').length;
    };
    offer(lane, item(1));
    stepLane(lane, { type: 'turn-ended', now: 0 });
    // A request takes 100 ms, whoever comes waits that long.
    const rejected = [0, 1, 2, 3, 4, 5, 6, 7].map((turn) => {
      const count = offerAt(turn * 100);
      stepLane(lane, { type: 'answered', target, now: turn * 100 + 100 });
      return count;
    });
    expect(rejected).toEqual([0, 0, 0, 0, 0, 0, 44, 44]);
    stepLane(lane, { type: 'answered', target, now: 5000 });
    offerAt(5000);
    stepLane(lane, { type: 'turn-ended', now: 5000 });
    stepLane(lane, { type: 'answered', target, now: 5001 });
    expect(offerAt(5002)).toBe(0);
  });

  it('waits without a target, and sends as soon as there is one (L6)', () => {
    const lane = createLane<Item>(limits);
    offer(lane, item(1));
    expect(stepLane(lane, { type: 'turn-ended', now: 0 })).toEqual([]);
    expect(ids(stepLane(lane, { type: 'routed', target: node(), now: 5 }))).toEqual([[1]]);
  });

  it('takes refused items back to the front, and rests (L2, L6)', () => {
    const lane = routedLane();
    offer(lane, item(1), item(2));
    const sent = sendOf(stepLane(lane, { type: 'turn-ended', now: 0 }));
    offer(lane, item(3));
    const { target, items } = sent;
    expect(stepLane(lane, { type: 'refused', target, items, random: 0, now: 100 })).toEqual([]);
    expect(stepLane(lane, { type: 'swept', now: 104 })).toEqual([]);
    expect(ids(stepLane(lane, { type: 'swept', now: 105 }))).toEqual([[1, 2, 3]]);
  });

  it('rests longer with each refusal in a row, until one is answered', () => {
    const lane = routedLane();
    offer(lane, item(1));
    let sent = sendOf(stepLane(lane, { type: 'turn-ended', now: 0 }));
    const rests: number[] = [];
    for (let now = 0; rests.length < 4; now = lane.restingUntil) {
      if (now > 0) sent = sendOf(stepLane(lane, { type: 'swept', now }));
      stepLane(lane, { ...sent, type: 'refused', random: 0, now });
      rests.push(lane.restingUntil - now);
    }
    expect(rests).toEqual([5, 10, 20, 40]);
    sent = sendOf(stepLane(lane, { type: 'swept', now: 1000 }));
    stepLane(lane, { type: 'answered', target: sent.target, now: 1000 });
    expect(lane.refusals).toBe(0);
  });

  it('starts afresh with a new target, whatever hangs at the old one', () => {
    const lane = routedLane();
    offer(lane, item(1));
    const old = sendOf(stepLane(lane, { type: 'turn-ended', now: 0 }));
    offer(lane, item(2));
    stepLane(lane, { type: 'turn-ended', now: 0 });
    offer(lane, item(3));
    expect(ids(stepLane(lane, { type: 'routed', target: node('b', 2), now: 1 }))).toEqual([[3]]);
    expect(lane.underWay).toBe(1);
    const again = stepLane(lane, {
      type: 'refused',
      target: old.target,
      items: old.items,
      random: 0,
      now: 2,
    });
    expect(again).toMatchObject([{ type: 'send', items: [{ id: 1 }], target: { node: 'b' } }]);
    expect(lane.restingUntil).toBe(0);
  });

  it('is not confused by a target that came back (the same node, the same epoch)', () => {
    const lane = routedLane();
    offer(lane, item(1));
    const old = sendOf(stepLane(lane, { type: 'turn-ended', now: 0 }));
    stepLane(lane, { type: 'routed', target: undefined, now: 1 });
    stepLane(lane, { type: 'routed', target: node(), now: 2 });
    expect(() => stepLane(lane, { type: 'answered', target: old.target, now: 3 })).not.toThrow();
    expect(lane.underWay).toBe(0);
  });

  it('expires what is overdue', () => {
    const lane = createLane<Item>(limits);
    offer(lane, item(1, { deadlineAt: 10 }), item(2, { deadlineAt: 20 }));
    expect(ids(stepLane(lane, { type: 'swept', now: 10 }), 'expire')).toEqual([[1]]);
    expect(lane.waitingOperations).toBe(1);
  });
});

type Action =
  | { do: 'offer'; operations: number; bytes: number }
  | { do: 'turn' | 'sweep' }
  | { do: 'route'; to: string | undefined; epoch: number }
  | { do: 'answer' | 'refuse'; which: number };

/** Targets change seldom, so that requests pile up at one. */
const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('offer' as const),
      operations: fc.integer({ min: 1, max: 6 }),
      bytes: fc.nat(120),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('turn' as const, 'sweep' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('route' as const),
      to: fc.constantFrom('a', 'b', undefined),
      epoch: fc.nat(2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('answer' as const, 'refuse' as const), which: fc.nat() }),
  },
);

describe('a lane under any history', () => {
  it('keeps L1, L3, L4, L5, L6 and L7', () => {
    fc.assert(
      fc.property(fc.array(actions, { maxLength: 60 }), (history) => {
        const lane = createLane<Item>(limits);
        const waiting = new Set<number>();
        const open: { target: { node: string; epoch: number }; items: Item[] }[] = [];
        let now = 0;
        let next = 0;
        let refused = 0;
        const run = (effects: LaneEffect<Item>[]): void => {
          for (const effect of effects) {
            if (effect.type === 'send') {
              expect(effect.target).toBe(lane.target);
              expect(now).toBeGreaterThanOrEqual(lane.restingUntil);
              for (const { id } of effect.items) expect(waiting.delete(id)).toBe(true);
              const operations = effect.items.reduce((sum, one) => sum + one.operations, 0);
              const bytes = effect.items.reduce((sum, one) => sum + one.bytes, 0);
              if (effect.items.length > 1) {
                expect(operations).toBeLessThanOrEqual(limits.requestOperationsMax);
                expect(bytes).toBeLessThanOrEqual(limits.requestBytesMax);
              }
              open.push({ target: effect.target, items: effect.items });
            } else if (effect.type === 'expire') {
              for (const { id } of effect.items) expect(waiting.delete(id)).toBe(true);
            } else if (effect.type === 'reject') expect(waiting.delete(effect.item.id)).toBe(true);
          }
        };
        for (const action of history) {
          now += 7;
          if (action.do === 'offer') {
            const one = item(next, { ...action, offeredAt: now, deadlineAt: now + 100 });
            next += 1;
            waiting.add(one.id);
            run(stepLane(lane, { type: 'offered', item: one }));
          } else if (action.do === 'route') {
            const target = action.to === undefined ? undefined : node(action.to, action.epoch);
            run(stepLane(lane, { type: 'routed', target, now }));
          } else if (action.do === 'turn') run(stepLane(lane, { type: 'turn-ended', now }));
          else if (action.do === 'sweep') run(stepLane(lane, { type: 'swept', now }));
          else if ((action.do === 'answer' || action.do === 'refuse') && open.length > 0) {
            const [request] = open.splice(action.which % open.length, 1);
            if (request === undefined) continue;
            if (action.do === 'answer')
              run(stepLane(lane, { type: 'answered', target: request.target, now }));
            else {
              for (const { id, operations } of request.items) {
                waiting.add(id);
                refused += operations;
              }
              run(stepLane(lane, { type: 'refused', ...request, random: 0.5, now }));
            }
          }
          expect(new Set(lane.waiting.map(({ id }) => id))).toEqual(waiting);
          const operations = lane.waiting.reduce((sum, one) => sum + one.operations, 0);
          expect(lane.waitingOperations).toBe(operations);
          expect(lane.waitingBytes).toBe(lane.waiting.reduce((sum, one) => sum + one.bytes, 0));
          expect(operations).toBeLessThanOrEqual(limits.waitingOperationsMax + refused);
          expect(lane.underWay).toBe(open.filter(({ target }) => target === lane.target).length);
          expect(lane.underWay).toBeLessThanOrEqual(limits.requestsMax);
          const idle = lane.underWay === 0 && lane.target !== undefined && now >= lane.restingUntil;
          if (idle && action.do === 'turn') expect(lane.waiting).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('lingering', () => {
  const linger = { ...limits, requestsMax: 1, requestOperationsMax: 100, lingerMs: 3 };

  it('L7 holds a request up only when the last one held the items of several callers', () => {
    const lane = createLane<Item>(linger);
    stepLane(lane, { type: 'routed', target: node(), now: 0 });
    expect(offer(lane, item(1))).toEqual([{ type: 'await-turn', ms: 0 }]);
    stepLane(lane, { type: 'turn-ended', now: 0 });
    offer(lane, item(2), item(3), item(4));
    const target = lane.target as NonNullable<typeof lane.target>;
    expect(stepLane(lane, { type: 'answered', target, now: 1 })).toMatchObject([{ type: 'send' }]);
    offer(lane, item(5));
    expect(stepLane(lane, { type: 'answered', target, now: 2 })).toEqual([{ type: 'await-turn', ms: 3 }]);
    expect(offer(lane, item(6))).toEqual([]);
    const sent = stepLane(lane, { type: 'turn-ended', now: 5 });
    expect(sent).toMatchObject([{ type: 'send', items: [item(5), item(6)] }]);
    offer(lane, item(7));
    expect(stepLane(lane, { type: 'answered', target, now: 6 })).toMatchObject([{ type: 'send' }]);
  });

  /** A lane whose request of so many items was just answered. */
  function answered(items: number): Lane<Item> {
    const lane = createLane<Item>({ ...linger, waitingOperationsMax: 200, waitingBytesMax: 200 });
    stepLane(lane, { type: 'routed', target: node(), now: 0 });
    offer(lane, ...Array.from({ length: items }, (_, i) => item(i)));
    stepLane(lane, { type: 'turn-ended', now: 0 });
    const target = lane.target as NonNullable<typeof lane.target>;
    stepLane(lane, { type: 'answered', target, now: 1 });
    return lane;
  }

  it.each([
    [5, 5],
    [63, 63],
    [64, 64],
    [100, 64],
  ])('L7 after a request of %i it waits for %i', (items, enough) => {
    const lane = answered(items);
    expect(offer(lane, item(1000))).toEqual([{ type: 'await-turn', ms: 3 }]);
    const more = Array.from({ length: enough - 2 }, (_, i) => item(1001 + i));
    expect(offer(lane, ...more)).toEqual([]);
    expect(offer(lane, item(2000))).toEqual([{ type: 'await-turn', ms: 0 }]);
    expect(offer(lane, item(2001))).toEqual([]);
    const [sent] = stepLane(lane, { type: 'turn-ended', now: 2 });
    expect(sent).toMatchObject({ type: 'send' });
    expect(lane.waiting).toEqual([]);
    // The longer wait's own end finds a request under way.
    offer(lane, item(2002));
    expect(stepLane(lane, { type: 'turn-ended', now: 4 })).toEqual([]);
  });

  it('L7 counts those who wait already when it is answered', () => {
    const lane = answered(4);
    offer(lane, item(10), item(11), item(12), item(13));
    stepLane(lane, { type: 'turn-ended', now: 2 });
    offer(lane, item(20), item(21));
    const target = lane.target as NonNullable<typeof lane.target>;
    expect(stepLane(lane, { type: 'answered', target, now: 3 })).toEqual([{ type: 'await-turn', ms: 3 }]);
    expect(offer(lane, item(22), item(23), item(24))).toEqual([]);
    expect(offer(lane, item(25))).toEqual([{ type: 'await-turn', ms: 0 }]);
  });
});
