/**
 * Is there an order of these calls that respects real time and explains every answer? Deciding that is
 * NP-complete (Gibbons and Korach, 1997); this search is fast where histories are: few calls at a time.
 *
 * It is the line of algorithms that Porcupine stands in:
 * - Wing and Gong, "Testing and Verifying Concurrent Objects" (1993): depth-first search over what may come
 *   next;
 * - Lowe, "Testing for Linearizability" (2017): never search a configuration twice (a cache of them), and
 *   linearize just in time, that is, only when a call returns that isn't yet in the order;
 * - Horn and Kroening, "Faster Linearizability Checking via P-compositionality" (2015): a key-value store
 *   is linearizable when each key is, so keys are searched apart (linearizability.ts does that);
 * - Athalye, Porcupine (2017, github.com/anishathalye/porcupine): all of it as one practical tool.
 *
 * Where Porcupine keeps a bit set over all calls, a configuration here is (how far in time, state, calls
 * under way that aren't in the order yet). Just in time, everything before that is decided, so the cache
 * grows with concurrency and not with the length of the history. Four reductions, each without loss:
 * - a call that changes nothing joins the order as soon as its answer fits: if it fits now, no later place
 *   is needed;
 * - a call without an answer (`endedAt` Infinity) is never forced into the order: it may not have happened;
 * - of such calls that are twins (same effect on any state), the first begun goes first;
 * - a configuration that has all of another one's choices and more (the same but for calls without an
 *   answer that it has not used yet) makes the other one needless. So within a moment the search goes by
 *   breadth, and those that used fewer come first; from moment to moment it goes by depth.
 *
 * Worst case exponential in the calls under way together; `configurationsMax` cuts it, and then the outcome
 * is `unknown`, never a silent yes.
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
  const frontier = new Frontier(calls, model);
  let configurations = 0;
  let furthest = -1;
  let states = new Map<string, State>();
  let found = [{ next: 0, state: model.initial, open: [] as readonly number[] }];
  for (;;) {
    for (const configuration of found) {
      const stop = advance(configuration, events, calls);
      if (!stop) return { outcome: 'ok', configurations };
      if (!frontier.add(stop)) continue;
      configurations += 1;
      if (configurations > configurationsMax)
        return { outcome: 'unknown', configurations: configurationsMax };
      if (stop.next > furthest) states = new Map();
      furthest = Math.max(furthest, stop.next);
      if (stop.next === furthest && states.size < statesNamedMax) {
        states.set(model.identity(stop.state), stop.state);
      }
    }
    const stop = frontier.take();
    if (!stop) break;
    found = branches(stop, calls);
  }
  const stuck = (events[furthest] as Event).call;
  return { outcome: 'violated', configurations, stuck, states: [...states.values()] };
}

/**
 * What is to be searched: the latest moment first, and within it what came first. What is needless stays
 * out.
 */
class Frontier<State> {
  readonly #calls: readonly Call<State>[];
  readonly #model: Model<State>;
  readonly #moments: { next: number; waiting: Configuration<State>[]; taken: number }[] = [];
  /** By all that must be the same: the calls without an answer that each configuration still has. */
  readonly #known = new Map<string, (readonly number[])[]>();

  constructor(calls: readonly Call<State>[], model: Model<State>) {
    this.#calls = calls;
    this.#model = model;
  }

  /** False when it is needless. */
  add(configuration: Configuration<State>): boolean {
    const { next, state, open } = configuration;
    const isForced = (call: number) => Number.isFinite(this.#calls[call]?.endedAt);
    const name = `${next} ${open.filter(isForced).join()} ${this.#model.identity(state)}`;
    const unforced = open.filter((call) => !isForced(call));
    const known = this.#known.get(name) ?? [];
    if (known.some((other) => includesAll(other, unforced))) return false;
    known.push(unforced);
    this.#known.set(name, known);
    let at = this.#moments.length;
    while (at > 0 && (this.#moments[at - 1]?.next ?? 0) > next) at -= 1;
    const moment = this.#moments[at - 1];
    if (moment?.next === next) moment.waiting.push(configuration);
    else this.#moments.splice(at, 0, { next, waiting: [configuration], taken: 0 });
    return true;
  }

  take(): Configuration<State> | undefined {
    for (let moment = this.#moments.at(-1); moment; moment = this.#moments.at(-1)) {
      const configuration = moment.waiting[moment.taken];
      moment.taken += 1;
      if (configuration) return configuration;
      this.#moments.pop();
    }
    return undefined;
  }
}

/** Both are in the order of beginning. */
function includesAll(all: readonly number[], some: readonly number[]): boolean {
  let i = 0;
  for (const call of some) {
    while (i < all.length && all[i] !== call) i += 1;
    if (i === all.length) return false;
    i += 1;
  }
  return true;
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

/** What may come next in the order. */
function branches<State>(
  { next, state, open }: Configuration<State>,
  calls: readonly Call<State>[],
): Configuration<State>[] {
  const found: Configuration<State>[] = [];
  const twins = new Set<string>();
  for (const index of open) {
    const call = calls[index] as Call<State>;
    if (call.readOnly || (call.twin !== undefined && twins.has(call.twin))) continue;
    if (call.twin !== undefined) twins.add(call.twin);
    const after = call.step(state);
    if (after !== undefined)
      found.push({ next, state: after, open: open.filter((other) => other !== index) });
  }
  return found;
}
