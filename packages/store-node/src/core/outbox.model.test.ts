/**
 * The outbox against a model of a stream that does everything JetStream can do to it: requests and answers
 * get lost, answers come late, the stream goes back, is emptied or made anew, or another leader writes to
 * it. Then the faults end, one more batch is committed, and everything must have come to rest.
 *
 * What the model grants, because NATS does: publishes of one connection reach the stream in order.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type BatchName,
  type OutboxBatch,
  type OutboxEffect,
  type OutboxEvent,
  type OutboxState,
  type OutboxStep,
  type StreamEnd,
  startOutbox,
  stepOutbox,
} from './outbox.ts';

const epoch = 5;
/** Log and stream begin with two batches of an older epoch and the record that began ours. */
const history: OutboxBatch[] = [
  { epoch: epoch - 1, firstSeq: 1, lastSeq: 4 },
  { epoch: epoch - 1, firstSeq: 5, lastSeq: 5 },
  { epoch, firstSeq: 6, lastSeq: 6 },
];

type Message = OutboxBatch & { streamSeq: number };
type Publish = Extract<OutboxEffect, { type: 'publish' }> & { settled: boolean };

const frequent = [
  'commit',
  'serve',
  'serve',
  'answer',
  'answer',
  'lose',
  'time-out',
  'probe',
  'fail-probe',
] as const;
const rare = [
  'restart',
  'empty',
  'recreate',
  'go-back',
  'delete-tail',
  'stale-leader',
  'next-leader',
] as const;
const action = fc.record({
  does: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...frequent) },
    { weight: 1, arbitrary: fc.constantFrom(...rare) },
  ),
  count: fc.integer({ min: 1, max: 5 }),
});
interface Action {
  does: (typeof frequent)[number] | (typeof rare)[number];
  /** Operations of a commit, messages of a fault. */
  count: number;
}
const limits = { publishesInFlightMax: 3 };

class ModelStream {
  messages: Message[] = history.map((batch, index) => ({ ...batch, streamSeq: index + 1 }));
  lastSeq = history.length;
  /** Id of the message that came last, which may be gone. */
  lastId = idOf({ epoch, firstSeq: 6 }, history.length);
  ids = new Map<string, number>();
  /** Batches of our log that the stream held at any time. */
  readonly held = new Set<number>(history.map(({ firstSeq }) => firstSeq));
  /** Messages went that the leader does not publish again: followers take them from its log. */
  holed = false;

  publish({ batch, expectedStreamSeq }: Publish): number | undefined {
    const known = this.ids.get(idOf(batch, expectedStreamSeq + 1));
    if (known !== undefined) return known;
    if (expectedStreamSeq !== this.lastSeq) return undefined;
    if (batch.after && idOf(batch.after, expectedStreamSeq) !== this.lastId) return undefined;
    this.append(batch);
    this.ids.set(this.lastId, this.lastSeq);
    this.held.add(batch.firstSeq);
    return this.lastSeq;
  }

  append({ epoch, firstSeq, lastSeq }: OutboxBatch): void {
    this.lastSeq += 1;
    this.lastId = idOf({ epoch, firstSeq }, this.lastSeq);
    this.messages.push({ epoch, firstSeq, lastSeq, streamSeq: this.lastSeq });
  }

  end(): StreamEnd {
    const message = this.messages.at(-1);
    return { streamSeq: this.lastSeq, ...(message && { message }) };
  }

  /** The disk is that of an earlier time. */
  goBack(count: number): void {
    const [first] = this.messages.splice(-count);
    if (first) this.lastSeq = first.streamSeq - 1;
    for (const [id, seq] of this.ids) if (seq > this.lastSeq) this.ids.delete(id);
    this.restart();
    this.holed ||= this.messages.length === 0;
  }

  /** After it the server knows the last id only from the message, if that is still there. */
  restart(): void {
    const last = this.messages.at(-1);
    this.lastId = last && last.streamSeq === this.lastSeq ? idOf(last, this.lastSeq) : '';
  }

  /** Unlike `goBack`, keeps the last sequence and the message ids. */
  deleteTail(count: number): void {
    this.messages.splice(-count);
    this.holed = true;
  }

  wipe(lastSeq: number): void {
    this.messages = [];
    if (lastSeq === 0) this.ids.clear();
    if (lastSeq === 0) this.lastId = '';
    this.lastSeq = lastSeq;
    this.holed = true;
  }
}

function idOf({ epoch, firstSeq }: BatchName, streamSeq: number): string {
  return `${epoch}/${firstSeq}/${streamSeq}`;
}

class World {
  readonly stream = new ModelStream();
  readonly log: OutboxBatch[] = [...history];
  readonly #toStream: Publish[] = [];
  readonly #toLeader: { publish: Publish; event: OutboxEvent }[] = [];
  readonly #unsettled = new Set<Publish>();
  #probes: number[] = [];
  state: OutboxState;
  confirmed = 6;

  constructor() {
    const start = startOutbox(epoch, { seq: 6, streamSeq: 3 }, [], limits);
    this.state = start.state;
    this.#run(start);
  }

  do({ does, count }: Action): void {
    const { stream } = this;
    const actions: Record<Action['does'], () => void> = {
      commit: () => this.commit(count),
      serve: () => this.#serve(),
      answer: () => this.#answer(),
      lose: () => this.#toStream.shift(),
      'time-out': () => this.#timeOut(),
      probe: () => this.#probe(true),
      'fail-probe': () => this.#probe(false),
      'go-back': () => stream.goBack(count),
      'delete-tail': () => stream.deleteTail(count),
      restart: () => stream.restart(),
      empty: () => stream.wipe(stream.lastSeq),
      recreate: () => stream.wipe(0),
      'stale-leader': () => this.#staleLeader(),
      'next-leader': () => this.#nextLeader(),
    };
    actions[does]();
  }

  commit(count: number): void {
    const firstSeq = (this.log.at(-1)?.lastSeq ?? 0) + 1;
    const batch = { epoch, firstSeq, lastSeq: firstSeq + count - 1 };
    this.log.push(batch);
    this.#step({ type: 'committed', batch });
  }

  /** No more faults: all arrives, what was lost times out. False: it does not come to rest. */
  settle(): boolean {
    for (let turns = 0; turns < 2000; turns += 1) {
      if (this.#toStream.length > 0) this.#serve();
      else if (this.#toLeader.length > 0) this.#answer();
      else if (this.#unsettled.size > 0) this.#timeOut();
      else if (this.#probes.length > 0) this.#probe(true);
      else return true;
    }
    return false;
  }

  #serve(): void {
    const publish = this.#toStream.shift();
    if (!publish) return;
    const { round, batch } = publish;
    const streamSeq = this.stream.publish(publish);
    const event: OutboxEvent =
      streamSeq === undefined
        ? { type: 'unclear', round }
        : { type: 'published', round, firstSeq: batch.firstSeq, streamSeq };
    this.#toLeader.push({ publish, event });
  }

  #answer(): void {
    const answer = this.#toLeader.shift();
    if (!answer || answer.publish.settled) return;
    this.#settlePublish(answer.publish, answer.event);
  }

  #timeOut(): void {
    const [publish] = this.#unsettled;
    if (publish) this.#settlePublish(publish, { type: 'unclear', round: publish.round });
  }

  #settlePublish(publish: Publish, event: OutboxEvent): void {
    publish.settled = true;
    this.#unsettled.delete(publish);
    this.#step(event);
  }

  #probe(answered: boolean): void {
    const round = this.#probes.shift();
    if (round === undefined) return;
    if (answered) this.#step({ type: 'probed', round, end: this.stream.end() });
    else this.#step({ type: 'probe-failed', round });
  }

  #nextLeader(): void {
    const seq = (this.stream.messages.at(-1)?.lastSeq ?? this.confirmed) + 1;
    this.stream.append({ epoch: epoch + 1, firstSeq: seq, lastSeq: seq });
  }

  /** The leader before us only gets past its fence where the stream is as it was before our epoch began. */
  #staleLeader(): void {
    const last = this.stream.messages.at(-1);
    if (!last || last.epoch >= epoch || last.streamSeq !== this.stream.lastSeq) return;
    const firstSeq = last.lastSeq + 1;
    this.stream.append({ epoch: last.epoch, firstSeq, lastSeq: firstSeq + 9 });
  }

  #step(event: OutboxEvent): void {
    this.#run(stepOutbox(this.state, event, limits));
  }

  #run({ state, effects }: OutboxStep): void {
    this.state = state;
    expect(state.inFlight).toBeLessThanOrEqual(limits.publishesInFlightMax);
    for (const effect of effects) this.#effect(effect);
  }

  #effect(effect: OutboxEffect): void {
    if (effect.type === 'publish') {
      const publish = { ...effect, settled: false };
      this.#toStream.push(publish);
      this.#unsettled.add(publish);
    } else if (effect.type === 'probe') this.#probes.push(effect.round);
    else if (effect.type === 'reload') {
      const batches = this.log.filter(({ firstSeq }) => firstSeq > effect.afterSeq);
      this.#step({ type: 'reloaded', round: effect.round, batches });
    } else if (effect.type === 'confirmed') this.#confirm(effect.seq);
  }

  #confirm(seq: number): void {
    for (const { firstSeq, lastSeq } of this.log) {
      if (lastSeq <= seq) expect(this.stream.held, `confirmed up to ${seq}`).toContain(firstSeq);
    }
    this.confirmed = Math.max(this.confirmed, seq);
  }

  /** Batches of our log that are on the stream, in its order. */
  ours(): number[] {
    const known = new Set(this.log.map(({ epoch, firstSeq }) => `${epoch}/${firstSeq}`));
    return this.stream.messages
      .filter(({ epoch, firstSeq }) => known.has(`${epoch}/${firstSeq}`))
      .map(({ firstSeq }) => firstSeq);
  }
}

it('O1–O7 each batch ends once, in order, on the stream, confirmed only if there; or deposed', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80, size: 'max' }), (actions) => {
      const world = new World();
      for (const action of actions) world.do(action);
      expect(world.settle(), 'comes to rest').toBe(true);
      world.commit(1);
      expect(world.settle(), 'comes to rest').toBe(true);
      const { state, stream, log, confirmed } = world;
      const ours = world.ours();
      expect(ours, 'in order, and once').toEqual([...new Set(ours)].sort((a, b) => a - b));
      if (state.phase === 'deposed') {
        expect(actions.map(({ does }) => does)).toContain('next-leader');
        return;
      }
      expect(state).toMatchObject({ phase: 'flowing', pending: [], inFlight: 0 });
      expect(confirmed).toBe(log.at(-1)?.lastSeq);
      const all = log.map(({ firstSeq }) => firstSeq);
      if (!stream.holed) expect(ours).toEqual(all);
      expect(all.filter((firstSeq) => !stream.held.has(firstSeq))).toEqual([]);
    }),
    { numRuns: 4000 },
  );
});
