/**
 * The outbox of a leader (SPEC.md, O1–O7): committed batches go to the stream in order, several under way at
 * a time, each with the last sequence that the stream must have: the fence. The log is the outbox, so nothing
 * here is lost by a crash; this machine only decides what to publish next and what an answer means.
 *
 * An answer that doesn't come, or that isn't the one predicted, says nothing: then the stream's last message
 * is asked for. It is mine (go on behind it), another epoch's (I am deposed), or older than what was
 * confirmed (the stream went back: publish again from the log).
 */
import { isBrokenBy } from './mutants.ts';

export interface OutboxBatch {
  epoch: number;
  firstSeq: number;
  lastSeq: number;
  /** With a publish: the batch that must be the stream's last message; absent where that is not known. */
  after?: BatchName | undefined;
}

/** What makes a batch's message id. */
export interface BatchName {
  epoch: number;
  firstSeq: number;
}

export interface OutboxState {
  phase: 'flowing' | 'probing' | 'deposed';
  epoch: number;
  /** Seq of the record that began the epoch: what older epochs have from here on is not in our history. */
  startSeq: number;
  /** Last batch that the stream has: log seq, JetStream sequence. */
  confirmedSeq: number;
  streamSeq: number;
  /** The message at `streamSeq`, where it is known. */
  last: BatchName | undefined;
  /** Not confirmed, in order; the first `inFlight` of them are published in this round. */
  pending: readonly OutboxBatch[];
  inFlight: number;
  /** Grows when publishing starts over; answers of an older round don't count. */
  round: number;
}

/** Where the stream ends. */
export interface StreamEnd {
  /** Last sequence that was given out; the message there may be gone. */
  streamSeq: number;
  /** The last event that the stream holds; absent when there is none. */
  message?: { streamSeq: number; epoch: number; firstSeq: number; lastSeq: number };
}

export type OutboxEvent =
  | { type: 'committed'; batch: OutboxBatch }
  | { type: 'published'; round: number; firstSeq: number; streamSeq: number }
  /** Refused by the fence, timed out, or the connection broke. */
  | { type: 'unclear'; round: number }
  | { type: 'probed'; round: number; end: StreamEnd }
  | { type: 'probe-failed'; round: number }
  /** The log after the seq asked for by `reload`. */
  | { type: 'reloaded'; round: number; batches: readonly OutboxBatch[] };

export type OutboxEffect =
  | { type: 'publish'; round: number; batch: OutboxBatch; expectedStreamSeq: number }
  | { type: 'probe'; round: number; again: boolean }
  | { type: 'reload'; round: number; afterSeq: number }
  | { type: 'confirmed'; seq: number; streamSeq: number }
  | { type: 'went-back'; fromSeq: number; toSeq: number }
  | { type: 'deposed'; by: number };

export interface OutboxLimits {
  /** Publishes under way at a time. */
  publishesInFlightMax: number;
}

export interface OutboxStep {
  state: OutboxState;
  effects: OutboxEffect[];
}

/** `confirmed`: the record that began the epoch, which is on the stream before a leader serves. */
export function startOutbox(
  epoch: number,
  confirmed: { seq: number; streamSeq: number },
  pending: readonly OutboxBatch[],
  limits: OutboxLimits,
): OutboxStep {
  const { seq: confirmedSeq, streamSeq } = confirmed;
  const last = { epoch, firstSeq: confirmedSeq };
  const start = { epoch, startSeq: confirmedSeq, confirmedSeq, streamSeq, last, pending };
  return publishMore({ phase: 'flowing', ...start, inFlight: 0, round: 1 }, limits);
}

type Handlers = {
  [Phase in OutboxState['phase']]: {
    [Type in OutboxEvent['type']]: (
      state: OutboxState,
      event: Extract<OutboxEvent, { type: Type }>,
      limits: OutboxLimits,
    ) => OutboxStep;
  };
};

const stay = (state: OutboxState): OutboxStep => ({ state, effects: [] });
const queue = (state: OutboxState, event: { batch: OutboxBatch }): OutboxStep =>
  stay({ ...state, pending: [...state.pending, event.batch] });

/** Total: each event has its meaning in each phase. */
const handlers: Handlers = {
  flowing: {
    committed: (state, event, limits) => publishMore(queue(state, event).state, limits),
    published: confirm,
    unclear: startProbe,
    probed: stay,
    'probe-failed': stay,
    reloaded: stay,
  },
  probing: {
    committed: queue,
    published: stay,
    unclear: stay,
    probed: settle,
    'probe-failed': (state) => ({ state, effects: [{ type: 'probe', round: state.round, again: true }] }),
    reloaded: (state, event, limits) => {
      const newer = state.pending.filter((batch) => batch.firstSeq > (event.batches.at(-1)?.lastSeq ?? 0));
      return publishMore({ ...state, phase: 'flowing', pending: [...event.batches, ...newer] }, limits);
    },
  },
  deposed: {
    committed: stay,
    published: stay,
    unclear: stay,
    probed: stay,
    'probe-failed': stay,
    reloaded: stay,
  },
};

export function stepOutbox(state: OutboxState, event: OutboxEvent, limits: OutboxLimits): OutboxStep {
  if ('round' in event && event.round !== state.round) return stay(state);
  const handler = handlers[state.phase][event.type] as (
    state: OutboxState,
    event: OutboxEvent,
    limits: OutboxLimits,
  ) => OutboxStep;
  return handler(state, event, limits);
}

function publishMore(state: OutboxState, limits: OutboxLimits): OutboxStep {
  const effects: OutboxEffect[] = [];
  let { inFlight } = state;
  while (inFlight < limits.publishesInFlightMax) {
    const batch = state.pending[inFlight];
    if (!batch) break;
    const before = inFlight === 0 ? state.last : state.pending[inFlight - 1];
    effects.push({
      type: 'publish',
      round: state.round,
      batch: { ...batch, after: before && nameOf(before) },
      expectedStreamSeq: state.streamSeq + inFlight,
    });
    inFlight += 1;
  }
  return { state: { ...state, inFlight }, effects };
}

function nameOf({ epoch, firstSeq }: BatchName): BatchName {
  return { epoch, firstSeq };
}

function confirm(
  state: OutboxState,
  event: Extract<OutboxEvent, { type: 'published' }>,
  limits: OutboxLimits,
): OutboxStep {
  const [first, ...rest] = state.pending;
  const predicted = isBrokenBy('no-fence') ? event.streamSeq : state.streamSeq + 1;
  // JetStream answers in order; anything else, also a duplicate at another sequence, needs a look.
  if (!first || event.firstSeq !== first.firstSeq || event.streamSeq !== predicted) return startProbe(state);
  const next = publishMore(
    {
      ...state,
      confirmedSeq: first.lastSeq,
      streamSeq: predicted,
      last: nameOf(first),
      pending: rest,
      inFlight: state.inFlight - 1,
    },
    limits,
  );
  const confirmed: OutboxEffect = { type: 'confirmed', seq: first.lastSeq, streamSeq: predicted };
  return { state: next.state, effects: [confirmed, ...next.effects] };
}

function startProbe(state: OutboxState): OutboxStep {
  const round = state.round + 1;
  return {
    state: { ...state, phase: 'probing', inFlight: 0, round },
    effects: [{ type: 'probe', round, again: false }],
  };
}

function settle(
  state: OutboxState,
  { end }: Extract<OutboxEvent, { type: 'probed' }>,
  limits: OutboxLimits,
): OutboxStep {
  const { streamSeq } = end;
  const { message } = end;
  if (message && message.epoch > state.epoch) {
    const deposed: OutboxState = { ...state, phase: 'deposed', pending: [], inFlight: 0 };
    return { state: deposed, effects: [{ type: 'deposed', by: message.epoch }] };
  }
  // An emptied stream keeps its sequence: go on behind it; followers take what they miss from the log.
  const last = message?.streamSeq === streamSeq ? nameOf(message) : undefined;
  const endSeq = message ? ourEnd(state, message) : state.confirmedSeq;
  if (endSeq < state.confirmedSeq) {
    const effects: OutboxEffect[] = [
      { type: 'went-back', fromSeq: state.confirmedSeq, toSeq: endSeq },
      { type: 'reload', round: state.round, afterSeq: endSeq },
    ];
    return { state: { ...state, streamSeq, last }, effects };
  }
  const pending = state.pending.filter((batch) => batch.lastSeq > endSeq);
  const settled = { ...state, confirmedSeq: endSeq, streamSeq, last, pending };
  const next = publishMore({ ...settled, phase: 'flowing' }, limits);
  const effects: OutboxEffect[] =
    endSeq > state.confirmedSeq ? [{ type: 'confirmed', seq: endSeq, streamSeq }] : [];
  return { state: next.state, effects: [...effects, ...next.effects] };
}

/** Up to which seq a stream that ends with `message` holds our history. */
function ourEnd({ epoch, startSeq }: OutboxState, message: NonNullable<StreamEnd['message']>): number {
  // A leader before us can get past its fence where the stream went back: its operations are orphans.
  return message.epoch < epoch ? Math.min(message.lastSeq, startSeq - 1) : message.lastSeq;
}
