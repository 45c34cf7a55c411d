/**
 * 100,000 operations over 1,000 keys, of eight clients at a time, are read and judged: seconds, where a
 * search that grows faster than the history would not end within the test's time.
 */
import { expect, it } from 'vitest';
import { HistoryAssembler } from './assemble.ts';
import { checkHistory, overallVerdict } from './check.ts';
import { type EndEvent, encodeEvent, type HistoryEvent, type InvokeEvent } from './event.ts';

const operations = 100_000;
const keyCount = 1_000;
const clients = 8;

/** Each client asks, the store decides at once in the order of asking, and answers overlap. */
function* traffic(): Generator<HistoryEvent> {
  yield { type: 'history', format: 1 };
  const held = new Map<string, { value: string; seq: number }>();
  const answers: (EndEvent | undefined)[] = [];
  for (let id = 1; id <= operations; id += 1) {
    const client = (id * 7) % clients;
    const waiting = answers[client];
    if (waiting) yield { ...waiting, at: id - 0.5 };
    const key = `key-${(id * 613) % keyCount}`;
    const base = { type: 'invoke' as const, id, at: id, process: `c${client}`, session: `s${client}`, key };
    const call: InvokeEvent =
      id % 3 === 0
        ? { ...base, operation: 'get', consistency: id % 2 ? 'strong' : 'session' }
        : { ...base, operation: 'put', value: String(id) };
    yield call;
    if (call.operation === 'put') held.set(key, { value: call.value, seq: id });
    const state = held.get(key);
    const version = state && { epoch: 1, seq: state.seq };
    const read = call.operation === 'get' ? { value: state?.value ?? null } : {};
    const position = { epoch: 1, seq: id };
    answers[client] = {
      type: 'ok',
      id,
      at: id,
      node: 'node-1',
      position,
      ...(version && { version }),
      ...read,
    };
  }
  for (const answer of answers) if (answer) yield { ...answer, at: operations + 1 };
  for (const node of ['node-1', 'node-2', 'node-3']) {
    yield { type: 'dump', id: node, at: operations + 2, node, final: true, rows: held.size };
    for (const [key, { value, seq }] of held)
      yield { type: 'row', dump: node, key, value, version: { epoch: 1, seq } };
  }
}

it(`${operations.toLocaleString()} operations over ${keyCount.toLocaleString()} keys`, () => {
  const lines = [...traffic()].map((event) => encodeEvent(event).trimEnd());
  const assembler = new HistoryAssembler();
  for (const line of lines) assembler.line(line);
  const results = checkHistory(assembler.build());
  expect(results.flatMap(({ violations }) => violations)).toEqual([]);
  expect(overallVerdict(results)).toBe('ok');
}, 60_000);
