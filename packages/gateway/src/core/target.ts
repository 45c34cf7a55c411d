/**
 * The request target: which key, which query. Read from the raw URL, because what the router decodes is
 * decoded for routing, and a key may hold any byte that routing gives a meaning to: `/`, `%`, `..`, `?`.
 */
import { DriftlessError, keyProblem } from '@driftless/contracts';
import { decodePercent } from './percent.ts';

/**
 * The key in a target: all between the first `segments` path segments (`/v1/kv` is two) and the query or
 * `suffix`. Throws `invalid-key`.
 */
export function keyOfTarget(url: string, segments: number, suffix = ''): string {
  const path = pathOf(url);
  let start = 0;
  for (let i = 0; i < segments; i += 1) start = path.indexOf('/', start + 1);
  const raw = path.slice(start + 1, path.length - suffix.length);
  if (raw.includes('#')) throw new DriftlessError('invalid-key', 'Write a `#` in a key as %23.');
  const key = decodePercent(raw);
  if (key === undefined) {
    const hint = 'Percent-encode the bytes of the key, UTF-8; a percent sign itself is %25.';
    throw new DriftlessError('invalid-key', 'The key has a broken percent escape or is not UTF-8.', { hint });
  }
  return checkedKey(key);
}

/** The key itself when it is one. Throws `invalid-key`. */
export function checkedKey(key: string): string {
  const problem = keyProblem(key);
  if (problem !== undefined) throw new DriftlessError('invalid-key', problem);
  return key;
}

/** Path of a target, without the query; a target in absolute form loses its origin. */
export function pathOf(url: string): string {
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  return path.startsWith('/') ? path : path.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '');
}

export type Query<Name extends string> = { readonly [Key in Name]?: string };

const noQuery = Object.freeze({});

/** The query's parameters, all of them known, each once. Throws `invalid-parameter`. */
export function queryOfTarget<Name extends string>(url: string, names: readonly Name[]): Query<Name> {
  const start = url.indexOf('?');
  if (start < 0) return noQuery as Query<Name>;
  const query: Partial<Record<string, string>> = {};
  for (const pair of url.slice(start + 1).split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeQuery(equals < 0 ? pair : pair.slice(0, equals), 'A parameter name');
    if (!names.includes(name as Name)) throw unknownParameter(name, names);
    if (query[name] !== undefined) {
      throw new DriftlessError('invalid-parameter', `The parameter "${name}" is given twice.`);
    }
    query[name] = decodeQuery(equals < 0 ? '' : pair.slice(equals + 1), `The parameter "${name}"`);
  }
  return query as Query<Name>;
}

function decodeQuery(raw: string, what: string): string {
  const text = decodePercent(raw.replaceAll('+', ' '));
  if (text !== undefined) return text;
  throw new DriftlessError('invalid-parameter', `${what} has a broken percent escape or is not UTF-8.`);
}

function unknownParameter(name: string, names: readonly string[]): DriftlessError {
  const shown = name.length <= 64 ? name : `${name.slice(0, 64)}…`;
  const hint = names.length > 0 ? `Known here: ${names.join(', ')}.` : 'This takes no parameters.';
  return new DriftlessError('invalid-parameter', `There is no parameter "${shown}" here.`, { hint });
}

/** An integer from `min` to `max`, in decimal digits. Throws `invalid-parameter`. */
export function integerParameter(name: string, text: string, min: number, max: number): number {
  const value = /^[+-]?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new DriftlessError('invalid-parameter', `"${name}" is a whole number from ${min} to ${max}.`);
}

/** One of `choices`. Throws `invalid-parameter`. */
export function choiceParameter<Choice extends string>(
  name: string,
  text: string,
  choices: readonly Choice[],
): Choice {
  if (choices.includes(text as Choice)) return text as Choice;
  throw new DriftlessError('invalid-parameter', `"${name}" is one of ${choices.join(', ')}.`);
}
