import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Ladder,
  type LadderEffect,
  type LadderEvent,
  type LadderLimits,
  ladderFoot,
  rungOf,
  stepLadder,
} from './ladder.ts';
import { nothingLeft } from './tally.ts';

const limits: LadderLimits = { vainMax: 2, healingMax: 3, keysMax: 100, copiesMax: 2, copiesWindowMs: 1000 };
const noCounts = { found: 0, compared: 0, healed: 0, leaves: 0, bytesReceived: 0, bytesShipped: 0 };

type Answer = Extract<LadderEvent, { kind: 'exchanged' }>['answer'];
function different(counts: Partial<Answer['counts']>, left: Partial<Answer['left']>): Answer {
  const reason = 'Left: something.';
  return {
    outcome: 'different',
    reason,
    counts: { ...noCounts, ...counts },
    left: { ...nothingLeft(), ...left },
  };
}

/** One answer for each thing that an exchange can say about ours. */
const answers = {
  equal: { outcome: 'equal', counts: noCounts, left: nothingLeft() },
  unknown: { outcome: 'not-comparable', reason: 'Nobody is there.', counts: noCounts, left: nothingLeft() },
  moving: different({}, { wait: 2 }),
  peer: different({ found: 500 }, { keep: 100, budget: 400 }),
  progress: different({ found: 5, healed: 4 }, { wait: 1 }),
  vain: different({ found: 5 }, { repair: 5 }),
  leaf: different({}, { ourLeaves: 1 }),
  large: different({ found: 101, healed: 50 }, { budget: 51 }),
  undecided: different({ found: 1 }, { undecided: 1 }),
  stopped: different({ found: 9, healed: 8 }, { stopped: 1 }),
} satisfies Record<string, Answer>;
type Said = keyof typeof answers;

function exchanged(said: Said, now = 0): LadderEvent {
  return { kind: 'exchanged', now, answer: answers[said] };
}

/** Steps through the events; every `turn` in between is taken. */
function after(
  events: readonly LadderEvent[],
  from = ladderFoot,
): { state: Ladder; effects: LadderEffect[] } {
  const effects: LadderEffect[] = [];
  const state = events.reduce((before, event) => {
    const step = stepLadder(before, event, limits);
    effects.push(...step.effects);
    return step.state;
  }, from);
  return { state, effects };
}

const turn: LadderEvent = { kind: 'turn', now: 0 };
const places = {
  key: [],
  bucket: [exchanged('vain'), exchanged('vain')],
  snapshot: [exchanged('large')],
  copying: [exchanged('large'), turn],
  operator: [exchanged('stopped')],
} satisfies Record<Ladder['phase'], LadderEvent[]>;

describe('the ladder', () => {
  it.each(Object.entries(places))('L1 has a way to "%s", with a reason', (phase, events) => {
    const { state, effects } = after(events);
    expect(state.phase).toBe(phase);
    for (const effect of effects) expect(effect.reason).toMatch(/^[A-Z].+\.$/);
    expect(state.reason === '').toBe(phase === 'key');
  });

  /** Where one exchange leads from each place; twice where patience counts. */
  const moves: Record<Ladder['phase'], Partial<Record<Said, Ladder['phase']>>> = {
    key: { large: 'snapshot', stopped: 'operator' },
    bucket: {
      equal: 'key',
      peer: 'key',
      vain: 'snapshot',
      leaf: 'snapshot',
      large: 'snapshot',
      undecided: 'operator',
      stopped: 'operator',
    },
    snapshot: { equal: 'key', peer: 'key', stopped: 'operator' },
    copying: {
      equal: 'key',
      peer: 'key',
      vain: 'snapshot',
      leaf: 'snapshot',
      large: 'snapshot',
      undecided: 'operator',
      stopped: 'operator',
    },
    operator: { equal: 'key', peer: 'key' },
  };
  const cells = Object.entries(places).flatMap(([phase, events]) =>
    (Object.keys(answers) as Said[]).map((said) => ({ phase: phase as Ladder['phase'], said, events })),
  );
  it.each(cells)('L2, L3, L4 from $phase, when an exchange says $said', ({ phase, said, events }) => {
    const { state } = after([...events, exchanged(said)]);
    expect(state.phase).toBe(moves[phase][said] ?? phase);
  });

  it('L2 tries rows twice in vain, then buckets, then a copy', () => {
    expect(after([exchanged('vain'), exchanged('unknown'), exchanged('vain')]).state.phase).toBe('bucket');
    expect(after([exchanged('vain'), exchanged('progress'), exchanged('vain')]).state.phase).toBe('key');
    expect(after([exchanged('undecided'), exchanged('undecided')]).state.phase).toBe('operator');
    const { effects } = after([...places.bucket, turn, exchanged('vain'), turn]);
    expect(effects).toMatchObject([
      { kind: 'moved', from: 'key', to: 'bucket' },
      { kind: 'exchange', rung: 'bucket' },
      { kind: 'moved', from: 'bucket', to: 'snapshot' },
      { kind: 'copy', reason: 'Nothing more could be healed. Left: something.' },
    ]);
  });

  it('L2 goes up when it heals and heals, and never to the end', () => {
    const progress = [exchanged('progress'), exchanged('progress'), exchanged('progress')];
    expect(after(progress.slice(1)).state.phase).toBe('key');
    expect(after(progress).state.phase).toBe('bucket');
    expect(after([...progress, ...progress]).state.phase).toBe('snapshot');
  });

  it('L5 orders only so many copies in a window, and then another one', () => {
    const copy = (now: number): LadderEvent[] => [{ kind: 'turn', now }, exchanged('large', now)];
    const twice = after([exchanged('large'), ...copy(0), ...copy(500)]);
    expect(twice.state.phase).toBe('operator');
    const later = after([exchanged('large'), ...copy(0), ...copy(1000)]);
    expect(later.state.phase).toBe('snapshot');
    const failed: LadderEvent = { kind: 'copy-failed', now: 0, reason: 'Nobody has one.' };
    expect(after([exchanged('large'), turn, failed, turn, failed]).state.phase).toBe('operator');
    expect(after([...places.bucket, failed]).state.phase).toBe('bucket');
  });

  it('L3 begins again when a person says so', () => {
    const { state, effects } = after([...places.operator, { kind: 'reset', now: 0 }]);
    expect(state).toEqual(ladderFoot);
    expect(effects.at(-1)).toMatchObject({ kind: 'moved', from: 'operator', to: 'key' });
  });
});

describe('any course of events', () => {
  const event = fc.oneof(
    fc.constant({ kind: 'turn' } as const),
    fc.constantFrom(...(Object.keys(answers) as Said[])),
    fc.constantFrom({ kind: 'reset' } as const, { kind: 'copy-failed', reason: 'It was refused.' } as const),
  );
  const course = fc.array(fc.tuple(event, fc.nat({ max: 400 })), { maxLength: 80 }).map((list) => {
    let now = 0;
    return list.map(([one, pause]): LadderEvent => {
      now += pause;
      return typeof one === 'string' ? exchanged(one, now) : { ...one, now };
    });
  });

  it('L1, L2, L5, L6: reasons, one rung at a time, bounded copies, one order a turn', () => {
    fc.assert(
      fc.property(course, (events) => {
        let state = ladderFoot;
        const copies: number[] = [];
        for (const event of events) {
          const before = state;
          const step = stepLadder(state, event, limits);
          state = step.state;
          if (event.kind === 'turn') {
            expect(step.effects.map(({ kind }) => kind)).toEqual([
              before.phase === 'snapshot' ? 'copy' : 'exchange',
            ]);
          }
          const moves = step.effects.filter(({ kind }) => kind === 'moved');
          expect(moves).toHaveLength(rungOf(before) === rungOf(state) ? 0 : 1);
          for (const effect of step.effects) {
            expect(effect.reason).toMatch(/^[A-Z].+\.$/);
            if (effect.kind === 'moved')
              expect([effect.from, effect.to]).toEqual([rungOf(before), rungOf(state)]);
            if (effect.kind === 'copy') copies.push(event.now);
          }
          if (event.kind === 'reset') copies.length = 0;
          for (const at of copies) {
            const since = copies.filter((other) => other >= at && other - at < limits.copiesWindowMs);
            expect(since.length).toBeLessThanOrEqual(limits.copiesMax);
          }
        }
      }),
    );
  });

  it('L7 without an end comes to a person: nothing is tried for ever', () => {
    const bad = fc.constantFrom<Said>('progress', 'vain', 'leaf', 'large', 'undecided', 'stopped');
    const { vainMax, healingMax, copiesMax } = limits;
    /** Rows and buckets, then copies with all that may be tried behind each. */
    const most = vainMax * healingMax + healingMax + (copiesMax + 1) * (1 + healingMax);
    fc.assert(
      fc.property(fc.array(bad, { minLength: most, maxLength: most }), (course) => {
        const { state } = after(course.flatMap((said) => [turn, exchanged(said)]));
        expect(state.phase).toBe('operator');
      }),
    );
  });

  it('L4 what could not be compared, or only moved, never leads to another rung', () => {
    const nothing = fc.array(fc.constantFrom<Said>('unknown', 'moving'), { maxLength: 50 });
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(places)), nothing, (events, course) => {
        const { state } = after(events);
        expect(
          after(
            course.map((said) => exchanged(said)),
            state,
          ).state.phase,
        ).toBe(state.phase);
      }),
    );
  });
});
