import { DriftlessError } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ImportOptions, type ImportPorts, importRows, type SendResult } from './engine.ts';
import { mapperOf, type PutOperation } from './mapping.ts';
import { RangeSet } from './range-set.ts';
import type { Progress } from './resume.ts';
import type { Row } from './rows.ts';

const options: ImportOptions = { batchOperations: 10, concurrency: 3, patienceMs: 10_000 };
const fresh = (): Progress => ({ done: new RangeSet(), acknowledged: 0, rejected: 0 });

/** None, one, two, … of them at a time. */
async function* rowsOf(count: number, bad: (line: number) => boolean = () => false): AsyncGenerator<Row[]> {
  let some: Row[] = [];
  let atATime = 0;
  for (let line = 1; line <= count; line += 1) {
    if (some.length === atATime) {
      yield some;
      some = [];
      atATime += 1;
    }
    const record = bad(line) ? undefined : { key: `k${line}`, value: line };
    some.push({ line, raw: `row ${line}`, endByte: line * 10, record, problem: 'bad' });
  }
  yield some;
}

/** A cluster in memory with a clock that moves when somebody waits. */
class FakeCluster implements ImportPorts {
  readonly stored = new Map<string, unknown>();
  readonly rejections: string[] = [];
  readonly waits: number[] = [];
  sent = 0;
  inFlightMax = 0;
  #inFlight = 0;
  #now = 0;
  turnsOf: (call: number) => number = () => 1;
  behave: (operations: PutOperation[], call: number) => SendResult[] | Error = () => [];

  async send(operations: PutOperation[]): Promise<SendResult[]> {
    this.#inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.#inFlight);
    const call = this.sent++;
    // Turns of the event loop until the answer: batches come back in any order.
    for (let turns = this.turnsOf(call); turns > 0; turns -= 1) await new Promise(setImmediate);
    this.#inFlight -= 1;
    const answer = this.behave(operations, call);
    if (answer instanceof Error) throw answer;
    return operations.map((operation, i) => {
      const result = answer[i] ?? { status: 200 };
      if (!result.problem) this.stored.set(operation.key, operation.value);
      return result;
    });
  }
  async wait(ms: number): Promise<void> {
    this.#now += ms;
  }
  now(): number {
    return this.#now;
  }
  rejected({ row, reason }: { row: Row; reason: string }): void {
    this.rejections.push(`${row.line}: ${reason}`);
  }
  advanced(): void {}
  waiting(_reason: string, ms: number): void {
    this.waits.push(ms);
  }
}
const problem = (code: string, retryable: boolean): SendResult => {
  return { status: 0, problem: { code, detail: 'said no', retryable } };
};

describe('an import', () => {
  it('brings every good row home and names every bad one', async () => {
    const cluster = new FakeCluster();
    const progress = fresh();
    await importRows(
      rowsOf(95, (line) => line % 20 === 0),
      mapperOf({}),
      progress,
      options,
      cluster,
    );
    expect(cluster.stored.size).toBe(91);
    expect(cluster.rejections).toEqual(['20: bad', '40: bad', '60: bad', '80: bad']);
    expect(progress.done.toRanges()).toEqual([[0, 95]]);
    expect(progress).toMatchObject({ acknowledged: 91, rejected: 4 });
    expect(cluster.inFlightMax).toBeLessThanOrEqual(3);
  });

  it('sends only what failed again, after the pause that was asked for', async () => {
    const cluster = new FakeCluster();
    const asked: number[] = [];
    cluster.behave = (operations, call) => {
      asked.push(operations.length);
      if (call === 0) return new DriftlessError('overloaded', 'busy', { retryAfterSeconds: 2 });
      if (call === 1) return operations.map((_, i) => (i < 3 ? problem('no-leader', true) : { status: 200 }));
      return call === 2 ? [problem('indeterminate', false)] : [];
    };
    await importRows(rowsOf(10), mapperOf({}), fresh(), options, cluster);
    expect(asked).toEqual([10, 10, 3, 1]);
    expect(cluster.waits[0]).toBe(2000);
    expect(cluster.stored.size).toBe(10);
  });

  it('rejects what is refused for good, by line, and goes on', async () => {
    const cluster = new FakeCluster();
    cluster.behave = (operations) =>
      operations.map(({ key }) => (key === 'k7' ? problem('invalid-value', false) : { status: 200 }));
    await importRows(rowsOf(10), mapperOf({}), fresh(), options, cluster);
    expect(cluster.rejections).toEqual(['7: said no (invalid-value)']);
    expect(cluster.stored.size).toBe(9);
  });

  it('gives up when patience is over, and says which rows', async () => {
    const cluster = new FakeCluster();
    cluster.behave = () => Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
    const progress = fresh();
    const run = importRows(rowsOf(1000), mapperOf({}), progress, options, cluster);
    await expect(run).rejects.toThrow(/lines 1–10 were not acknowledged: the gateway cannot be reached/);
    expect(progress.done.count).toBe(0);
    expect(cluster.now()).toBeLessThan(20_000);
  });

  it('stops at once on what trying again cannot mend', async () => {
    const cluster = new FakeCluster();
    cluster.behave = () => new DriftlessError('not-found', 'no such route');
    const run = importRows(rowsOf(1000), mapperOf({}), fresh(), options, cluster);
    await expect(run).rejects.toThrow('no such route');
    expect(cluster.sent).toBeLessThanOrEqual(3);
  });

  it('interrupted anywhere and resumed, sends every record and counts each once', async () => {
    const scenario = fc.record({
      rows: fc.integer({ min: 0, max: 120 }),
      diesAfter: fc.integer({ min: 0, max: 12 }),
      sizes: fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 })),
      concurrency: fc.integer({ min: 1, max: 4 }),
      turns: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ rows, diesAfter, sizes, concurrency, turns }) => {
        const cluster = new FakeCluster();
        cluster.turnsOf = (call) => turns[call % turns.length] ?? 1;
        const progress = fresh();
        const bad = (line: number): boolean => line % 7 === 0;
        const run = (batchOperations: number): Promise<void> =>
          importRows(
            rowsOf(rows, bad),
            mapperOf({}),
            progress,
            { ...options, batchOperations, concurrency },
            cluster,
          );
        cluster.behave = (_, call) => (call === diesAfter ? new DriftlessError('internal', 'died') : []);
        await run(sizes[0]).catch((error: unknown) => expect(error).toBeInstanceOf(DriftlessError));
        cluster.behave = () => [];
        await run(sizes[1]);
        const badRows = Math.floor(rows / 7);
        expect(cluster.stored.size).toBe(rows - badRows);
        expect(progress).toMatchObject({ acknowledged: rows - badRows, rejected: badRows });
        expect(cluster.rejections).toHaveLength(badRows);
        expect(progress.done.count).toBe(rows);
      }),
    );
  });
});

describe('a set of ranges', () => {
  it('is the set of its numbers', () => {
    const range = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 10 }));
    fc.assert(
      fc.property(fc.array(range), (ranges) => {
        const set = new RangeSet();
        const model = new Set<number>();
        for (const [from, length] of ranges) {
          set.add(from, from + length);
          for (let i = from; i < from + length; i += 1) model.add(i);
        }
        for (let i = 0; i < 52; i += 1) expect(set.has(i)).toBe(model.has(i));
        expect(set.count).toBe(model.size);
        const flat = set.toRanges().flat();
        expect(flat).toEqual([...new Set(flat)].sort((a, b) => a - b));
      }),
    );
  });
});
