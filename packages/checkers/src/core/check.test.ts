/** For each checker: histories that violate it and none other, and histories that look wrong but are fine. */
import { describe, expect, it } from 'vitest';
import { fine } from '../testing/fine.ts';
import { Script, violatedIn } from '../testing/script.ts';
import { twoPuts, wrong } from '../testing/wrong.ts';
import { checkHistory, overallVerdict } from './check.ts';
import { checkerNames } from './findings.ts';

describe('each checker finds what is its own', () => {
  const cases = checkerNames.flatMap((checker) =>
    wrong[checker].map(([what, script]) => ({ checker, what, script })),
  );
  it.each(cases)('$checker: $what', ({ checker, script }) => {
    const results = script.check();
    expect(violatedIn(results)).toEqual([checker]);
    const [violation] = results.find((result) => result.checker === checker)?.violations ?? [];
    expect(violation?.lines.length).toBeGreaterThan(0);
    expect(violation?.message).toMatch(/^\S.*\S$/);
  });
});

describe('nothing is wrong with', () => {
  it.each(fine)('%s', (_what, script) => {
    const bad = script.check().filter(({ verdict }) => verdict === 'violated' || verdict === 'unknown');
    expect(
      bad.flatMap(({ violations, doubts }) => [...violations.map(({ message }) => message), ...doubts]),
    ).toEqual([]);
  });
});

describe('the levels that must survive', () => {
  const lost = (ack: 'leader' | 'stream' | 'majority' | 'all', takes: string[]) =>
    violatedIn(
      new Script()
        .fault('begin', 0, takes)
        .put('k', 'a', [1, 2], { ack, version: '1-2' })
        .dump('n1', {}, 9)
        .check(),
    );
  it.each([
    [[], ['stream', 'majority', 'all']],
    [['stream'], ['majority', 'all']],
    [
      ['leader', 'stream'],
      ['majority', 'all'],
    ],
    [['majority'], ['stream', 'all']],
    [['majority', 'stream'], ['all']],
    [['everything'], []],
  ])('after the loss of %j: %j', (takes, survive) => {
    const levels = (['leader', 'stream', 'majority', 'all'] as const).filter(
      (ack) => lost(ack, takes).length > 0,
    );
    expect(levels).toEqual(survive);
  });
  it('can be said by the caller', () => {
    const script = new Script().put('k', 'a', [1, 2], { ack: 'leader', version: '1-2' }).dump('n1', {}, 9);
    expect(violatedIn(script.check({}, new Set()))).toEqual(['lost-writes']);
  });
});

describe('convergence time', () => {
  const script = () =>
    new Script()
      .fault('begin', 10)
      .put('k', 'a', [1, 2], { version: '1-2' })
      .applied('n1', '1-2', 3, 0, 'r')
      .fault('end', 100)
      .applied('n2', '1-1', 150, 0, 'q')
      .applied('n2', '1-2', 250, 0, 'r')
      .applied('n1', '1-2', 300, 0, 'r')
      .dump('n1', { k: 'a@1-2' }, 900, { shard: 0 })
      .dump('n2', { k: 'a@1-2' }, 900, { shard: 0 });
  it('is counted from the last fault to the equality that lasted', () => {
    const convergence = script()
      .check()
      .find(({ checker }) => checker === 'convergence');
    expect(convergence).toMatchObject({ verdict: 'ok', figures: { convergedAfterMs: 150 } });
  });
  it('is held against a bound', () => {
    expect(violatedIn(script().check({ convergedWithinMs: 149 }))).toEqual(['convergence']);
    expect(violatedIn(script().check({ convergedWithinMs: 150 }))).toEqual([]);
  });
});

describe('a verdict', () => {
  it('is never ok when nothing was looked at, or when a search was cut off', () => {
    const nothing = checkHistory(new Script().history());
    expect(overallVerdict(nothing)).toBe('nothing to check');
    const cut = twoPuts().get('k', 'b', [5, 6], { consistency: 'strong' }).check({ configurationsMax: 1 });
    expect(cut.find(({ checker }) => checker === 'linearizability')).toMatchObject({ verdict: 'unknown' });
    expect(overallVerdict(cut)).toBe('unknown');
  });
});
