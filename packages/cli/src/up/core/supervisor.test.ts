import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ChildEffect,
  type ChildEvent,
  type ChildState,
  INITIAL_STATE,
  type RestartPolicy,
  step,
} from './supervisor.ts';

const policy: RestartPolicy = {
  restart: true,
  backOffMsMin: 100,
  backOffMsMax: 1_000,
  healthyMs: 5_000,
  stopTimeoutMs: 2_000,
};
const died: ChildEvent = { type: 'exited', how: 'exit code 1', final: false };

/** Runs a history of [time, event] pairs; returns the last state and the effects of the last step. */
function run(
  history: readonly (readonly [number, ChildEvent])[],
  using = policy,
): { state: ChildState; effects: readonly ChildEffect[] } {
  let last: { state: ChildState; effects: readonly ChildEffect[] } = { state: INITIAL_STATE, effects: [] };
  for (const [now, event] of history) last = step(last.state, event, now, using);
  return last;
}

const started = [0, { type: 'start' }] as const;
const ready = (at: number) => [at, { type: 'ready' }] as const;

describe('restarts', () => {
  test('start, ready, death, back-off, restart', () => {
    expect(run([started])).toEqual({
      state: { phase: 'starting', startedAt: 0, failures: 0 },
      effects: [{ type: 'spawn' }],
    });
    expect(run([started, ready(70)])).toEqual({
      state: { phase: 'running', readyAt: 70, failures: 0 },
      effects: [{ type: 'report', report: { what: 'ready', afterMs: 70 } }],
    });
    const dead = run([started, ready(70), [200, died]]);
    expect(dead).toEqual({
      state: { phase: 'backing-off', restartAt: 300, failures: 1 },
      effects: [
        { type: 'report', report: { what: 'died', how: 'exit code 1', restartInMs: 100 } },
        { type: 'wake', at: 300 },
      ],
    });
    expect(step(dead.state, { type: 'tick' }, 300, policy)).toEqual({
      state: { phase: 'starting', startedAt: 300, failures: 1 },
      effects: [{ type: 'report', report: { what: 'restarting' } }, { type: 'spawn' }],
    });
  });

  test('waits twice as long each time, up to the cap', () => {
    let state: ChildState = run([started]).state;
    const waits: number[] = [];
    for (let now = 0; waits.length < 6; ) {
      state = step(state, died, now, policy).state;
      if (state.phase !== 'backing-off') throw new Error(state.phase);
      waits.push(state.restartAt - now);
      now = state.restartAt;
      state = step(state, { type: 'tick' }, now, policy).state;
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  test('being healthy for a while resets the wait; being ready for a moment does not', () => {
    const twice = [started, [0, died], [100, { type: 'tick' }], ready(150)] as const;
    expect(run([...twice, [150 + 4_999, died]]).state).toMatchObject({ failures: 2 });
    expect(run([...twice, [150 + 5_000, died]]).state).toMatchObject({ failures: 1 });
  });

  test('a tick that comes early changes nothing and asks for another', () => {
    expect(run([started, [0, died], [99, { type: 'tick' }]])).toEqual({
      state: { phase: 'backing-off', restartAt: 100, failures: 1 },
      effects: [{ type: 'wake', at: 100 }],
    });
  });

  test.each([
    ['without restarts', { ...policy, restart: false }, died],
    ['a final exit', policy, { ...died, final: true }],
  ])('%s, it stays stopped, with the reason', (_what, using, exit) => {
    expect(run([started, ready(1), [2, exit]], using)).toEqual({
      state: { phase: 'stopped', reason: 'exit code 1' },
      effects: [{ type: 'report', report: { what: 'gave-up', how: 'exit code 1' } }],
    });
  });
});

describe('stops', () => {
  test.each(['starting', 'running'])('%s: SIGTERM, then rest', (phase) => {
    const history = phase === 'starting' ? [started] : [started, ready(5)];
    const stopping = run([...history, [10, { type: 'stop' }]]);
    expect(stopping).toEqual({
      state: { phase: 'stopping', killAt: 2_010, killed: false },
      effects: [
        { type: 'signal', signal: 'SIGTERM' },
        { type: 'wake', at: 2_010 },
      ],
    });
    expect(step(stopping.state, died, 20, policy)).toEqual({ state: { phase: 'stopped' }, effects: [] });
  });

  test('what does not stop in time is killed once', () => {
    const late = run([started, [10, { type: 'stop' }], [2_010, { type: 'tick' }]]);
    expect(late.effects).toEqual([
      { type: 'report', report: { what: 'killed', afterMs: 2_000 } },
      { type: 'signal', signal: 'SIGKILL' },
    ]);
    expect(step(late.state, { type: 'tick' }, 9_999, policy).effects).toEqual([]);
  });

  test('kill is SIGKILL at once, also in the middle of a stop', () => {
    expect(run([started, [10, { type: 'kill' }]]).effects).toEqual([{ type: 'signal', signal: 'SIGKILL' }]);
    expect(run([started, [10, { type: 'stop' }], [11, { type: 'kill' }]]).effects).toEqual([
      { type: 'signal', signal: 'SIGKILL' },
    ]);
  });

  test('stop while it backs off is done at once', () => {
    expect(run([started, [0, died], [5, { type: 'stop' }]])).toEqual({
      state: { phase: 'stopped' },
      effects: [],
    });
  });
});

test('an exit where nothing runs is a fault of the shell', () => {
  expect(() => run([[0, died]])).toThrow('a child that is stopped cannot have exited');
});

/** A shell of numbers: keeps count of processes and delivers the wakes that were asked for. */
class Model {
  state: ChildState = INITIAL_STATE;
  processes = 0;
  #told = false;
  #wakes: number[] = [];

  /** Time passes: all wakes up to `now` are delivered, at their time. */
  pass(now: number): void {
    for (let at = this.#next(now); at !== undefined; at = this.#next(now)) {
      this.#wakes = this.#wakes.filter((wake) => wake !== at);
      this.apply({ type: 'tick' }, at);
    }
  }

  apply(event: ChildEvent, now: number): void {
    if (event.type === 'exited') this.processes -= 1;
    if (event.type === 'start' && this.state.phase === 'stopped') this.#told = false;
    if (event.type === 'stop' || event.type === 'kill') this.#told = true;
    const { state, effects } = step(this.state, event, now, policy);
    this.state = state;
    for (const effect of effects) {
      if (effect.type === 'wake') this.#wakes.push(effect.at);
      if (effect.type !== 'spawn') continue;
      this.processes += 1;
      expect(this.#told).toBe(false);
    }
    this.#check();
  }

  #next(now: number): number | undefined {
    return this.#wakes.filter((at) => at <= now).sort((a, b) => a - b)[0];
  }

  #check(): void {
    expect(this.processes).toBe(['starting', 'running', 'stopping'].includes(this.state.phase) ? 1 : 0);
    if (this.state.phase === 'backing-off') expect(this.#wakes).toContain(this.state.restartAt);
    if (this.state.phase === 'stopping' && !this.state.killed)
      expect(this.#wakes).toContain(this.state.killAt);
  }
}

test('never two processes, never a spawn after stop, never a wait without an end', () => {
  const happening = fc.constantFrom('start', 'ready', 'exited', 'final', 'tick', 'stop', 'kill');
  fc.assert(
    fc.property(fc.array(fc.tuple(happening, fc.nat(3_000)), { maxLength: 60 }), (history) => {
      const model = new Model();
      let now = 0;
      for (const [type, pause] of history) {
        now += pause;
        model.pass(now);
        const exits = type === 'exited' || type === 'final';
        if (exits && model.processes === 0) continue;
        model.apply(
          exits ? { type: 'exited', how: 'x', final: type === 'final' } : { type: type as 'tick' },
          now,
        );
      }
    }),
  );
});
