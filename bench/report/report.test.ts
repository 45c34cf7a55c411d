import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scenarios } from '../scenarios.ts';
import { compareRuns, comparisonText } from './compare.ts';
import { measuredWith, overloadWith, runWith, sampleOf } from './example.ts';
import { verdictsOf } from './expected.ts';
import { folded } from './folded.ts';
import { pageOf } from './page.ts';
import type { Run } from './run.ts';
import { writeReport } from './write.ts';

describe('a comparison', () => {
  const base = runWith([measuredWith('put', [0.4, 0.41, 0.39]), measuredWith('get', [0.6])]);
  const verdicts = (now: Run) =>
    compareRuns(base, now).changes.map(({ scenario, metric, verdict }) =>
      [scenario, metric, verdict].join(' '),
    );

  it('names what fell by more than the noise', () => {
    const now = runWith([measuredWith('put', [0.33, 0.34, 0.33]), measuredWith('get', [0.59])]);
    expect(verdicts(now)).toEqual([
      'put throughput worse',
      'put CPU time as before',
      'get throughput as before',
      'get CPU time as before',
    ]);
    expect(comparisonText(compareRuns(base, now)).split('\n')[0]).toBe(
      'worse: put, throughput: 0.40 (0.39–0.41) → 0.33 (0.33–0.34) of the ceiling',
    );
  });

  it('takes the noise of either run', () => {
    const now = runWith([measuredWith('put', [0.33, 0.3, 0.42]), measuredWith('get', [0.7])]);
    expect(verdicts(now)).toContain('put throughput as before');
    expect(verdicts(now)).toContain('get throughput better');
  });

  it('calls more CPU time worse, and less better', () => {
    const [more, less] = [3, 1].map((cost) => runWith([measuredWith('put', [0.4], cost)]));
    expect(verdicts(more as Run)).toContain('put CPU time worse');
    expect(verdicts(less as Run)).toContain('put CPU time better');
  });

  it('names what is missing, and does without CPU time where there is none', () => {
    const put = measuredWith('put', [0.4]);
    for (const { sample } of put.rounds) delete sample.cpuMicrosEach;
    const { changes, missing } = compareRuns(base, runWith([put]));
    expect(missing).toEqual(['get']);
    expect(changes.map(({ metric }) => metric)).toEqual(['throughput']);
  });
});

describe('what is expected', () => {
  const found = (run: Run, what: string) =>
    verdictsOf(run).find((verdict) => verdict.what.startsWith(what))?.found;

  it('is computed from the run', () => {
    const what = 'PUT ack=stream, of a PUT';
    expect(found(runWith([measuredWith('put', [0.5, 0.41, 0.3])]), what)).toEqual({
      text: '0.41',
      isMet: true,
    });
    expect(found(runWith([measuredWith('put', [0.39])]), what)?.isMet).toBe(false);
    expect(found(runWith([]), what)).toBeUndefined();
  });

  it('sets us beside peers by what each is of its own ceiling', () => {
    const run = runWith([measuredWith('put-majority', [0.3]), measuredWith('etcd', [0.15])]);
    expect(found(run, 'PUT ack=majority, as a multiple of etcd')).toEqual({ text: '2.00 ×', isMet: true });
    expect(found(run, 'PUT ack=majority, as a multiple of redis')).toBeUndefined();
  });

  it('takes lag from the load at half of the peak, and its growth from the sustained one', () => {
    const load = sampleOf(500);
    const openLoop = {
      scenario: 'put',
      percentOfPeak: 50,
      perSecond: 500,
      load,
      lag: { p50Ms: 4, p99Ms: 30 },
    };
    const lags = [2, 2, 4].map((p50Ms) => ({ p50Ms, p99Ms: 10 }));
    const run = runWith([], { openLoops: [openLoop], sustained: { seconds: 60, load, lags } });
    expect(found(run, 'Follower lag at half of the peak, p50')?.isMet).toBe(true);
    expect(found(run, 'Follower lag at half of the peak, p99')?.isMet).toBe(false);
    expect(found(run, 'Growth')).toEqual({ text: '2.00 × (over 60 s)', isMet: false });
  });

  it('knows a counter that is not exact, and jobs by their size', () => {
    const counter = { ...measuredWith('increment-hot', [1]), isExact: false };
    const run = runWith([counter], { import: { count: 90_000, seconds: 2 } });
    expect(found(run, 'Increments of one key: the total')).toEqual({ text: 'not exact', isMet: false });
    expect(found(run, 'Import')).toEqual({ text: '45,000/s (90,000 records)', isMet: true });
  });

  it('judges more than there is room for by the peak, and by what the load generator left', () => {
    const what = (name: string) =>
      found(runWith([], { overload: overloadWith({}) }), `At 3 times the peak: ${name}`);
    expect(what('writes taken')).toEqual({ text: '0.80', isMet: false });
    // 1.8 cores were left at the peak, and 1.35 now.
    expect(what('the same')).toEqual({ text: '1.07', isMet: true });
    expect(what('p99 of writes')).toEqual({ text: '2.50 ×', isMet: false });
    expect(what('p99 of refusals')).toEqual({ text: '0.50 ×', isMet: true });
    expect(what('of what was not taken')).toEqual({ text: '95.0%', isMet: false });
    expect(what('growth')).toEqual({ text: '65 MiB', isMet: false });
  });

  it('finds nothing amiss with refusals where there were none, nor with memory that nobody saw', () => {
    const { memory: _, ...bare } = overloadWith({ refused: 0, refusals: {}, unanswered: 0 });
    const { refusedP99Ms: __, ...load } = bare.load;
    const run = runWith([], { overload: { ...bare, load } });
    for (const name of ['p99 of refusals', 'of what was not taken', 'growth']) {
      expect(found(run, `At 3 times the peak: ${name}`)).toBeUndefined();
    }
  });

  it('does not take what a file of figures could not hold for a number', () => {
    const lag = JSON.parse('{"p50Ms":null,"p99Ms":null}');
    const openLoop = { scenario: 'put', percentOfPeak: 50, perSecond: 1, load: sampleOf(1), lag };
    expect(found(runWith([], { openLoops: [openLoop] }), 'Follower lag at half')).toBeUndefined();
  });
});

describe('the page', () => {
  const everything = runWith(
    scenarios.map(({ name }) => measuredWith(name, [0.2, 0.3, 0.1])),
    { skipped: [{ name: 'bootstrap', reason: 'there was no time' }], overload: overloadWith({}) },
  );
  const page = pageOf(everything, 'performance', new Set(['writes.svg']));

  it('has a row for each scenario, with its ratio, and says what was not met', () => {
    for (const { name } of scenarios)
      expect(page).toMatch(new RegExp(`\\| \`${name}\` .*0.20 \\(0.10–0.30\\)`));
    expect(page).toContain('- PUT ack=majority: 0.20, wanted ≥ 0.35');
    expect(page).toMatch(/\| PUT ack=majority +\| ≥ 0.35 +\| 0.20 +\| \*\*no\*\* +\|/);
    expect(page).toMatch(/\| Import, records a second +\| ≥ 30,000 +\| +\| not measured \|/);
  });

  it('says what the load generator took while more was due than there is room for', () => {
    expect(page.replaceAll('\n', ' ')).toMatch(
      /Taken: 80% of the peak.* 2 cores: it left 1\.80.* 1\.35.* 75% of that.* 107% of the/,
    );
    expect(page).toMatch(/\| Refusals by status +\| +\| 429: 76, 500: 5, 503: 19 +\|/);
    expect(page).toMatch(/\| leader +\| 100 +\| 165 +\| 170 +\| 65 +\|/);
  });

  it('says where more was due than a server could answer that does nothing', () => {
    const sentence = /does nothing answers ([\d,]+) a second .* ([\d,]+) were due, 3\.00 times/;
    expect(sentence.exec(page.replaceAll('\n', ' '))?.slice(1)).toEqual(['1,000', '3,000']);
    const less = { ...everything, overload: { ...overloadWith({}), perSecond: 1000 } };
    expect(pageOf(less, 'performance', new Set()).replaceAll('\n', ' ')).not.toContain(
      'could have answered them all',
    );
  });

  it('says what the machine was, which plots there are, and what was not measured', () => {
    expect(page).toContain('Abacus');
    expect(page.match(/!\[.*\]\(.*\)/g)).toEqual(['![Writes](performance/writes.svg)']);
    expect(page).toContain('- `bootstrap`: there was no time');
  });

  it('is written with the plots that it names, and with figures that it can be made of again', () => {
    const directory = mkdtempSync(join(tmpdir(), 'driftless-report-'));
    try {
      const text = readFileSync(writeReport(everything, directory), 'utf8');
      const named = [...text.matchAll(/\(performance\/(.*\.svg)\)/g)].map(([, name]) => name as string);
      const files = readdirSync(join(directory, 'performance'));
      expect([...named, 'run.json'].sort()).toEqual(files.sort());
      expect(JSON.parse(readFileSync(join(directory, 'performance/run.json'), 'utf8'))).toEqual(everything);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('has paragraphs of a width', () => {
    const lines = folded('word '.repeat(100)).split('\n');
    expect(lines.length).toBe(5);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(118);
  });
});
