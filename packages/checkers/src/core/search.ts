/**
 * Is there an order of these calls that respects real time and explains every answer? Deciding that is
 * NP-complete (Gibbons and Korach, 1997); this search is fast where histories are: few calls at a time.
 *
 * It is the line of algorithms that Porcupine stands in:
 * - Wing and Gong, "Testing and Verifying Concurrent Objects" (1993): depth-first search over what may come next;
 * - Lowe, "Testing for Linearizability" (2017): never search a configuration twice (a cache of them), and
 *   linearize just in time, that is, only when a call returns that isn't yet in the order;
 * - Horn and Kroening, "Faster Linearizability Checking via P-compositionality" (2015): a key-value store is
 *   linearizable when each key is, so keys are searched apart (linearizability.ts does that);
 * - Athalye, Porcupine (2017, github.com/anishathalye/porcupine): all of it as one practical tool.
 *
 * Where Porcupine keeps a bit set over all calls, a configuration here is (how far in time, state, calls under way
 * that aren't in the order yet). Just in time, everything before that is decided, so the cache grows with
 * concurrency and not with the length of the history. Three reductions, each without loss:
 * - a call that changes nothing joins the order as soon as its answer fits: if it fits now, no later place is
 *   needed;
 * - a call without an answer (`endedAt` Infinity) is never forced into the order: it may not have happened;
 * - of such calls that are twins (same effect on any state), the first begun goes first.
 *
 * Worst case exponential in the calls under way together; `configurationsMax` cuts it, and then the outcome is
 * `unknown`, never a silent yes.
 */
import { compareTimes, type Span } from './real-time.ts';

/** Configurations that a search of one key may visit: some hundred bytes each, so below 100 MB. */
export const configurationsMaxDefault = 200_000;

export interface Call<State> extends Span {
  /** It never changes the state: a read, a refused condition. */
  readonly readOnly: boolean;
  /** Calls without an answer and of the same twin name have the same effect on every state. */
  readonly twin?: string | undefined;
  /** The state that it leads to; undefined when it can't have been answered so in this state. */
  step(state: State): State | undefined;
}

export interface Model<State> {
  readonly initial: State;
  /** Equal for equal states, and only for those. */
  identity(state: State): string;
}

export type SearchResult<State> =
  | { outcome: 'ok'; configurations: number }
  | { outcome: 'unknown'; configurations: number }
  | {
      outcome: 'violated';
      configurations: number;
      /** The first call, by its end, that no order explains. */
      stuck: number;
      /** The states that the object could be in when it was to be explained. */
      states: State[];
    };

/** States that a result names. */
const statesNamedMax = 8;

interface Configuration<State> {
  /** Index of the next event. */
  next: number;
  state: State;
  /** Calls that have begun and are not in the order, by their beginning. */
  open: readonly number[];
}

export function searchOrder<State>(
  calls: readonly Call<State>[],
  model: Model<State>,
  configurationsMax = configurationsMaxDefault,
): SearchResult<State> {
  const events = eventsOf(calls);
  const visited = new Set<string>();
  const stack: Configuration<State>[] = [{ next: 0, state: model.initial, open: [] }];
  let furthest = -1;
  let states = new Map<string, State>();
  for (let top = stack.pop(); top; top = stack.pop()) {
    const stop = advance(top, events, calls);
    const configurations = visited.size;
    if (!stop) return { outcome: 'ok', configurations };
    const identity = model.identity(stop.state);
    const name = `${stop.next} ${stop.open.join()} ${identity}`;
    if (visited.has(name)) continue;
    if (configurations >= configurationsMax) return { outcome: 'unknown', configurations };
    visited.add(name);
    if (stop.next > furthest) states = new Map();
    furthest = Math.max(furthest, stop.next);
    if (stop.next === furthest && states.size < statesNamedMax) states.set(identity, stop.state);
    stack.push(...branches(stop, events[stop.next] as Event, calls));
  }
  const stuck = (events[furthest] as Event).call;
  return { outcome: 'violated', configurations: visited.size, stuck, states: [...states.values()] };
}

interface Event {
  at: number;
  call: number;
  isEnd: boolean;
}

/** Beginnings and ends in time; at the same time beginnings first, as such calls overlap. */
function eventsOf(calls: readonly Call<unknown>[]): Event[] {
  const events: Event[] = [];
  for (const [call, { invokedAt, endedAt, readOnly }] of calls.entries()) {
    const isForced = Number.isFinite(endedAt);
    if (readOnly && !isForced) continue;
    events.push({ at: invokedAt, call, isEnd: false });
    if (isForced) events.push({ at: endedAt, call, isEnd: true });
  }
  return events.sort((a, b) => compareTimes(a.at, b.at) || Number(a.isEnd) - Number(b.isEnd));
}

/** Goes on until a call returns that is not in the order; undefined when all are. */
function advance<State>(
  { next, state, open }: Configuration<State>,
  events: readonly Event[],
  calls: readonly Call<State>[],
): Configuration<State> | undefined {
  const waiting = open.filter((call) => !fitsNow(calls, call, state));
  for (let i = next; i < events.length; i += 1) {
    const { call, isEnd } = events[i] as Event;
    if (!isEnd) {
      if (!fitsNow(calls, call, state)) waiting.push(call);
    } else if (waiting.includes(call)) {
      return { next: i, state, open: waiting };
    }
  }
  return undefined;
}

function fitsNow<State>(calls: readonly Call<State>[], index: number, state: State): boolean {
  const call = calls[index] as Call<State>;
  return call.readOnly && call.step(state) !== undefined;
}

/** What may come next in the order; the call that returns is tried first, so it is the last of the list. */
function branches<State>(
  { next, state, open }: Configuration<State>,
  { call: returning }: Event,
  calls: readonly Call<State>[],
): Configuration<State>[] {
  const found: Configuration<State>[] = [];
  const twins = new Set<string>();
  for (const index of open) {
    const { twin, readOnly, step } = calls[index] as Call<State>;
    if (readOnly) continue;
    if (twin !== undefined && twins.has(twin)) continue;
    if (twin !== undefined) twins.add(twin);
    const after = step(state);
    if (after === undefined) continue;
    const branch = { next, state: after, open: open.filter((other) => other !== index) };
    if (index === returning) found.push(branch);
    else found.unshift(branch);
  }
  return found;
}
