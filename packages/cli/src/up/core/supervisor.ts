/**
 * How one child process is kept alive: a pure state machine. `SPEC.md` has its invariants.
 *
 *             start                ready
 *   stopped ─────────▶ starting ─────────▶ running
 *      ▲                ▲  │ exited          │ exited
 *      │           tick │  ▼                 ▼
 *      │◀── stop ──── backing-off ◀──────────┘        (without restarts: stopped)
 *      │ exited                     stop, from starting or running
 *      └────────── stopping ◀────────────────────
 *
 * The machine is told what happens and when, and answers with effects: data that the shell carries out in
 * order. It knows no clock, no timer and no process, so every path of it is tested without any.
 */

export interface RestartPolicy {
  /** False: what dies stays dead, and is reported. */
  readonly restart: boolean;
  /** Wait before the first restart; doubles with each failure in a row. */
  readonly backOffMsMin: number;
  readonly backOffMsMax: number;
  /** A child that was ready for so long starts its count of failures anew. */
  readonly healthyMs: number;
  /** How long a child may take to stop before it is killed. */
  readonly stopTimeoutMs: number;
}

export type ChildState =
  | { readonly phase: 'stopped'; readonly reason?: string }
  /** The process runs and isn't ready yet. */
  | { readonly phase: 'starting'; readonly startedAt: number; readonly failures: number }
  | { readonly phase: 'running'; readonly readyAt: number; readonly failures: number }
  | { readonly phase: 'backing-off'; readonly restartAt: number; readonly failures: number }
  /** Asked to stop; the process still runs. `killed`: asked the hard way. */
  | { readonly phase: 'stopping'; readonly killAt: number; readonly killed: boolean };

export type ChildEvent =
  | { readonly type: 'start' }
  | { readonly type: 'ready' }
  /** `how` in words; `final`: starting it again would end the same way. */
  | { readonly type: 'exited'; readonly how: string; readonly final: boolean }
  /** Time has passed: something may be due. */
  | { readonly type: 'tick' }
  | { readonly type: 'stop' }
  | { readonly type: 'kill' };

export type ChildEffect =
  | { readonly type: 'spawn' }
  | { readonly type: 'signal'; readonly signal: 'SIGTERM' | 'SIGKILL' }
  /** A tick is wanted at that time. */
  | { readonly type: 'wake'; readonly at: number }
  | { readonly type: 'report'; readonly report: ChildReport };

/** What a person is told. */
export type ChildReport =
  | { readonly what: 'ready'; readonly afterMs: number }
  | { readonly what: 'died'; readonly how: string; readonly restartInMs: number }
  | { readonly what: 'gave-up'; readonly how: string }
  | { readonly what: 'restarting' }
  | { readonly what: 'killed'; readonly afterMs: number };

export interface Step {
  readonly state: ChildState;
  readonly effects: readonly ChildEffect[];
}

export const INITIAL_STATE: ChildState = { phase: 'stopped' };

export function step(state: ChildState, event: ChildEvent, now: number, policy: RestartPolicy): Step {
  // The table is total by its type; only the link between a phase and its state is beyond the compiler.
  const handler = transitions[state.phase][event.type] as Handler<ChildState, ChildEvent>;
  return handler({ state, event, now, policy });
}

interface Input<State, Event> {
  readonly state: State;
  readonly event: Event;
  readonly now: number;
  readonly policy: RestartPolicy;
}
type Handler<State, Event> = (input: Input<State, Event>) => Step;
type Phase = ChildState['phase'];
type EventType = ChildEvent['type'];
type Transitions = {
  [P in Phase]: {
    [E in EventType]: Handler<Extract<ChildState, { phase: P }>, Extract<ChildEvent, { type: E }>>;
  };
};

const transitions: Transitions = {
  stopped: { start, ready: stay, exited: impossible, tick: stay, stop: stay, kill: stay },
  starting: { start: stay, ready, exited: die, tick: stay, stop: terminate, kill },
  running: { start: stay, ready: stay, exited: die, tick: stay, stop: terminate, kill },
  'backing-off': { start: stay, ready: stay, exited: impossible, tick: restart, stop: rest, kill: rest },
  stopping: { start: stay, ready: stay, exited: rest, tick: lose, stop: stay, kill },
};

function stay({ state }: { readonly state: ChildState }): Step {
  return { state, effects: [] };
}

function rest(): Step {
  return { state: { phase: 'stopped' }, effects: [] };
}

/** Nothing runs in this phase, so nothing can exit: the shell has mixed up its processes. */
function impossible({ state, event }: Input<ChildState, ChildEvent>): Step {
  throw new Error(`a child that is ${state.phase} cannot have ${event.type}`);
}

function start({ now }: { readonly now: number }): Step {
  return { state: { phase: 'starting', startedAt: now, failures: 0 }, effects: [{ type: 'spawn' }] };
}

function ready({
  state,
  now,
}: {
  readonly state: Extract<ChildState, { phase: 'starting' }>;
  readonly now: number;
}): Step {
  const { failures, startedAt } = state;
  return {
    state: { phase: 'running', readyAt: now, failures },
    effects: [report({ what: 'ready', afterMs: now - startedAt })],
  };
}

function die({
  state,
  event: { how, final },
  now,
  policy,
}: Input<Extract<ChildState, { failures: number }>, Extract<ChildEvent, { type: 'exited' }>>): Step {
  if (!policy.restart || final) {
    return { state: { phase: 'stopped', reason: how }, effects: [report({ what: 'gave-up', how })] };
  }
  const wasHealthy = state.phase === 'running' && now - state.readyAt >= policy.healthyMs;
  const failures = wasHealthy ? 1 : state.failures + 1;
  const restartInMs = backOffMs(failures, policy);
  const restartAt = now + restartInMs;
  return {
    state: { phase: 'backing-off', restartAt, failures },
    effects: [report({ what: 'died', how, restartInMs }), { type: 'wake', at: restartAt }],
  };
}

function restart({
  state,
  now,
}: {
  readonly state: Extract<ChildState, { phase: 'backing-off' }>;
  readonly now: number;
}): Step {
  if (now < state.restartAt) return { state, effects: [{ type: 'wake', at: state.restartAt }] };
  return {
    state: { phase: 'starting', startedAt: now, failures: state.failures },
    effects: [report({ what: 'restarting' }), { type: 'spawn' }],
  };
}

function terminate({ now, policy }: { readonly now: number; readonly policy: RestartPolicy }): Step {
  const killAt = now + policy.stopTimeoutMs;
  return {
    state: { phase: 'stopping', killAt, killed: false },
    effects: [
      { type: 'signal', signal: 'SIGTERM' },
      { type: 'wake', at: killAt },
    ],
  };
}

/** The time to stop has run out, or not yet. */
function lose({ state, now, policy }: Input<Extract<ChildState, { phase: 'stopping' }>, ChildEvent>): Step {
  if (state.killed) return { state, effects: [] };
  if (now < state.killAt) return { state, effects: [{ type: 'wake', at: state.killAt }] };
  return {
    state: { ...state, killed: true },
    effects: [
      report({ what: 'killed', afterMs: policy.stopTimeoutMs }),
      { type: 'signal', signal: 'SIGKILL' },
    ],
  };
}

function kill({ now }: { readonly now: number }): Step {
  return {
    state: { phase: 'stopping', killAt: now, killed: true },
    effects: [{ type: 'signal', signal: 'SIGKILL' }],
  };
}

function report(content: ChildReport): ChildEffect {
  return { type: 'report', report: content };
}

function backOffMs(failures: number, { backOffMsMin, backOffMsMax }: RestartPolicy): number {
  return Math.min(backOffMsMax, backOffMsMin * 2 ** (failures - 1));
}
