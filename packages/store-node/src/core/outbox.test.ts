import { describe, expect, it } from 'vitest';
import {
  type OutboxBatch,
  type OutboxEffect,
  type OutboxEvent,
  type OutboxState,
  type OutboxStep,
  startOutbox,
  stepOutbox,
} from './outbox.ts';

const limits = { publishesInFlightMax: 2 };
/** Epoch 3 began with seq 10 at sequence 100 of the stream. */
const epoch = 3;
const batch = (firstSeq: number, lastSeq = firstSeq): OutboxBatch => ({ epoch, firstSeq, lastSeq });
const [a, b, c, d] = [batch(11), batch(12, 14), batch(15), batch(16)];
const started = { epoch, firstSeq: 10 };

function startWith(...pending: OutboxBatch[]): OutboxStep {
  return startOutbox(epoch, { seq: 10, streamSeq: 100 }, pending, limits);
}

function publish(round: number, batch: OutboxBatch, expectedStreamSeq: number, after?: object): OutboxEffect {
  const name = after as OutboxBatch | undefined;
  return { type: 'publish', round, batch: { ...batch, after: name && nameOf(name) }, expectedStreamSeq };
}
function nameOf({ epoch, firstSeq }: OutboxBatch | typeof started) {
  return { epoch, firstSeq };
}

/** The step that the last of `events` leads to. */
function after(start: OutboxStep, ...events: OutboxEvent[]): OutboxStep {
  return events.reduce((step, event) => stepOutbox(step.state, event, limits), start);
}

const published = (round: number, { firstSeq }: OutboxBatch, streamSeq: number): OutboxEvent => {
  return { type: 'published', round, firstSeq, streamSeq };
};
const unclear = (round: number): OutboxEvent => ({ type: 'unclear', round });
/** The stream ends at `streamSeq`, with a message there. */
const probed = (round: number, streamSeq: number, end?: OutboxBatch): OutboxEvent => {
  return { type: 'probed', round, end: { streamSeq, ...(end && { message: { ...end, streamSeq } }) } };
};

const states: Record<OutboxState['phase'], OutboxState> = {
  flowing: startWith(a, b, c).state,
  probing: after(startWith(a, b, c), unclear(1)).state,
  deposed: after(startWith(a, b, c), unclear(1), probed(2, 105, { ...a, epoch: 4 })).state,
};

/** Which effects each event has in each phase; the round fits. SPEC.md has this table in words. */
const table: Record<OutboxState['phase'], Record<OutboxEvent['type'], OutboxEffect['type'][]>> = {
  flowing: {
    committed: [],
    published: ['confirmed', 'publish'],
    unclear: ['probe'],
    probed: [],
    'probe-failed': [],
    reloaded: [],
  },
  probing: {
    committed: [],
    published: [],
    unclear: [],
    probed: ['publish', 'publish'],
    'probe-failed': ['probe'],
    reloaded: ['publish', 'publish'],
  },
  deposed: { committed: [], published: [], unclear: [], probed: [], 'probe-failed': [], reloaded: [] },
};

describe.each(Object.keys(table) as OutboxState['phase'][])('%s', (phase) => {
  const state = states[phase];
  const { round } = state;
  const events: Record<OutboxEvent['type'], OutboxEvent> = {
    committed: { type: 'committed', batch: d },
    published: published(round, a, 101),
    unclear: unclear(round),
    probed: probed(round, 100, { epoch, firstSeq: 10, lastSeq: 10 }),
    'probe-failed': { type: 'probe-failed', round },
    reloaded: { type: 'reloaded', round, batches: [a, b, c] },
  };
  it.each(Object.keys(events) as OutboxEvent['type'][])('%s', (type) => {
    const step = stepOutbox(state, events[type], limits);
    expect(step.effects.map((effect) => effect.type)).toEqual(table[phase][type]);
    if (phase === 'deposed') expect(step.state).toEqual(state);
  });
});

describe('O1 publishes are in order and bounded, each with its fence', () => {
  it('the sequence and the name of what must be the last message', () => {
    expect(startWith(a, b, c).effects).toEqual([publish(1, a, 100, started), publish(1, b, 101, a)]);
    expect(startWith(a, b, c).state).toMatchObject({ inFlight: 2, pending: [a, b, c] });
  });

  it('goes on with each confirmation', () => {
    const step = after(startWith(a, b, c), published(1, a, 101));
    expect(step.effects).toEqual([{ type: 'confirmed', seq: 11, streamSeq: 101 }, publish(1, c, 102, b)]);
  });

  it('publishes a commit at once where there is room, and later where there is none', () => {
    expect(after(startWith(), { type: 'committed', batch: a }).effects).toEqual([
      publish(1, a, 100, started),
    ]);
    const full = after(startWith(a, b), { type: 'committed', batch: c });
    expect(full).toMatchObject({ effects: [], state: { pending: [a, b, c], inFlight: 2 } });
  });

  it('what was pipelined is refused where another leader took the place of the one before it', () => {
    // Sequence 101 is what `b` expects, but it is not `a`.
    const [, second] = startWith(a, b).effects;
    expect(second).toMatchObject({ expectedStreamSeq: 101, batch: { after: nameOf(a) } });
  });
});

describe('O2 confirmed is what the stream holds', () => {
  it('by the answer for the oldest publish, at the sequence predicted', () => {
    const step = after(startWith(a, b), published(1, a, 101), published(1, b, 102));
    expect(step.effects).toEqual([{ type: 'confirmed', seq: 14, streamSeq: 102 }]);
    expect(step.state).toMatchObject({ confirmedSeq: 14, streamSeq: 102, pending: [], inFlight: 0 });
  });

  it.each<[string, OutboxEvent]>([
    ['a duplicate at another sequence', published(1, a, 90)],
    ['a sequence past the one predicted', published(1, a, 102)],
    ['an answer out of turn', published(1, b, 102)],
  ])('not by %s', (_, event) => {
    const step = after(startWith(a, b), event);
    expect(step).toEqual({
      state: expect.objectContaining({ phase: 'probing', round: 2, inFlight: 0, confirmedSeq: 10 }),
      effects: [{ type: 'probe', round: 2, again: false }],
    });
  });

  it('by the end of the stream, when it is ours: some of what was under way, or all of it', () => {
    const some = after(startWith(a, b, c), unclear(1), probed(2, 101, a));
    expect(some.effects).toEqual([
      { type: 'confirmed', seq: 11, streamSeq: 101 },
      publish(2, b, 101, a),
      publish(2, c, 102, b),
    ]);
    const all = after(startWith(a, b), unclear(1), probed(2, 102, b));
    expect(all.effects).toEqual([{ type: 'confirmed', seq: 14, streamSeq: 102 }]);
    expect(all.state).toMatchObject({ phase: 'flowing', pending: [] });
  });
});

describe('O3 answers of an older round say nothing', () => {
  it.each<[string, OutboxEvent]>([
    ['published', published(1, a, 101)],
    ['unclear', unclear(1)],
    ['probed', probed(1, 101, a)],
    ['probe-failed', { type: 'probe-failed', round: 1 }],
    ['reloaded', { type: 'reloaded', round: 1, batches: [] }],
  ])('%s', (_, event) => {
    const probing = after(startWith(a, b), unclear(1));
    const flowing = after(probing, probed(2, 100, { ...started, lastSeq: 10 }));
    for (const { state } of [probing, flowing]) {
      expect(stepOutbox(state, event, limits)).toEqual({ state, effects: [] });
    }
  });
});

describe('O4 while an answer is not clear nothing is published', () => {
  it('commits wait', () => {
    const step = after(startWith(a), unclear(1), { type: 'committed', batch: b });
    expect(step).toMatchObject({ effects: [], state: { phase: 'probing', pending: [a, b], inFlight: 0 } });
  });

  it('a probe that failed is made again, after a pause', () => {
    const step = after(startWith(a), unclear(1), { type: 'probe-failed', round: 2 });
    expect(step.effects).toEqual([{ type: 'probe', round: 2, again: true }]);
  });

  it('then everything not on the stream is published again', () => {
    const step = after(startWith(a, b), unclear(1), probed(2, 100, { ...started, lastSeq: 10 }));
    expect(step.effects).toEqual([publish(2, a, 100, started), publish(2, b, 101, a)]);
  });
});

describe('O5 a later epoch at the end of the stream deposes, for good', () => {
  it('whatever was confirmed', () => {
    const step = after(startWith(a, b), unclear(1), probed(2, 101, { ...a, epoch: 4 }));
    expect(step.effects).toEqual([{ type: 'deposed', by: 4 }]);
    expect(step.state).toMatchObject({ phase: 'deposed', pending: [], confirmedSeq: 10 });
  });
});

describe('O6 a stream that went back gets again what it lost', () => {
  const confirmed = after(startWith(a, b, c), published(1, a, 101), published(1, b, 102));

  it('from the log, behind what it still has', () => {
    const found = after(confirmed, unclear(1), probed(2, 101, a));
    expect(found.effects).toEqual([
      { type: 'went-back', fromSeq: 14, toSeq: 11 },
      { type: 'reload', round: 2, afterSeq: 11 },
    ]);
    const again = after(found, { type: 'reloaded', round: 2, batches: [b, c] });
    expect(again.effects).toEqual([publish(2, b, 101, a), publish(2, c, 102, b)]);
  });

  it('with what was committed while the log was read', () => {
    const step = after(
      confirmed,
      unclear(1),
      probed(2, 101, a),
      { type: 'committed', batch: d },
      { type: 'reloaded', round: 2, batches: [b, c] },
    );
    expect(step.state.pending).toEqual([b, c, d]);
  });

  it('an older epoch past the beginning of ours is not our history', () => {
    const orphans = { epoch: 2, firstSeq: 10, lastSeq: 40 };
    const step = after(startWith(a, b), unclear(1), probed(2, 100, orphans));
    expect(step.effects).toEqual([
      { type: 'went-back', fromSeq: 10, toSeq: 9 },
      { type: 'reload', round: 2, afterSeq: 9 },
    ]);
  });
});

describe('O7 an emptied stream is gone on behind', () => {
  it('without a name to check, for the message is gone', () => {
    const step = after(startWith(a, b), unclear(1), probed(2, 100));
    expect(step.effects).toEqual([publish(2, a, 100), publish(2, b, 101, a)]);
  });

  it('also where it begins at 1 again', () => {
    expect(after(startWith(a), unclear(1), probed(2, 0)).effects).toEqual([publish(2, a, 0)]);
  });

  it('and so is one whose last message alone is gone', () => {
    const end = { streamSeq: 100, message: { ...started, lastSeq: 10, streamSeq: 98 } };
    const step = after(startWith(a), unclear(1), { type: 'probed', round: 2, end });
    expect(step.effects).toEqual([publish(2, a, 100)]);
  });
});
