/** The command over files: its three exit codes, its table, its JSON. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Collected } from '../output/collected.ts';
import { type VerifyHistoryOptions, verifyHistory } from './register.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'driftless-verify-history-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(lines: readonly object[] | string, options: VerifyHistoryOptions = {}) {
  const file = join(folder, 'history.ndjson');
  writeFileSync(
    file,
    typeof lines === 'string' ? lines : lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
  );
  const terminal = { out: new Collected(), err: new Collected(), env: {} };
  const code = await verifyHistory(file, options, terminal);
  return { code, out: terminal.out.text, err: terminal.err.text };
}

const head = { type: 'history', format: 1, shards: 1 };
const put = (id: number, value: string, ack: string) => [
  { type: 'invoke', id, at: id, process: 'p', operation: 'put', key: 'k', value, ack },
  { type: 'ok', id, at: id + 0.5, version: `1-${id}` },
];
const dump = (version: string, value: string, node = 'node-1') => [
  { type: 'dump', id: node, at: 100, node, final: true, rows: 1 },
  { type: 'row', dump: node, key: 'k', version, value },
];
const sound = [head, ...put(2, 'a', 'stream'), ...put(3, 'b', 'leader'), ...dump('1-3', 'b')];
const lost = [head, ...put(2, 'a', 'stream'), ...put(3, 'b', 'leader'), ...dump('1-1', 'c')];

describe('verify-history', () => {
  it('of a sound history: a table, exit code 0', async () => {
    const { code, out } = await run(sound);
    expect(code).toBe(0);
    expect(out).toMatch(/^CHECKER +CHECKED +VERDICT\nlost-writes +1 +ok\n/);
    expect(out).toMatch(/counters +0 +nothing to check/);
    expect(out).toMatch(/\nok: 2 operations on 1 keys; .*; not held to their promise: ack=leader\n$/);
  });

  it('of a violated one: what is wrong and in which lines, exit code 1', async () => {
    const { code, out } = await run(lost);
    expect(code).toBe(1);
    expect(out).toMatch(/lost-writes +1 +violated \(1\)/);
    expect(out).toContain(
      'key k: put "a" at 1-2 was acknowledged (stream), but the newest replica holds "c" at 1-1\n' +
        '    lines 2, 3, 7',
    );
    expect(out).toMatch(/phantoms +1 +violated \(1\)/);
  });

  it('as JSON', async () => {
    const { code, out } = await run(lost, { json: true, mayLose: new Set() });
    expect(code).toBe(1);
    const { verdict, operations, mayLose, checkers } = JSON.parse(out);
    expect({ verdict, operations, mayLose }).toEqual({ verdict: 'violated', operations: 2, mayLose: [] });
    expect(checkers[0]).toMatchObject({
      checker: 'lost-writes',
      verdict: 'violated',
      checked: 2,
      violated: 1,
      violations: [{ checker: 'lost-writes', key: 'k', lines: [4, 5, 7] }],
    });
  });

  it('holds a history to the bound on convergence', async () => {
    const both = [...sound, ...dump('1-3', 'b', 'node-2')];
    expect((await run(both)).out).toContain('converged after 97 ms');
    expect((await run(both, { convergeWithin: 96 })).code).toBe(1);
  });

  it.each([
    ['nothing could be checked', [head], '', 'nothing to check: 0 operations'],
    ['the file is no history', 'hello\n', 'is not a history: line 1 is not JSON', ''],
  ])('exit code 2 when %s', async (_what, lines, err, out) => {
    const result = await run(lines);
    expect(result.code).toBe(2);
    expect(result.err).toContain(err);
    expect(result.out).toContain(out);
  });

  it('exit code 2 when there is no file', async () => {
    const terminal = { out: new Collected(), err: new Collected(), env: {} };
    expect(await verifyHistory(join(folder, 'nowhere'), {}, terminal)).toBe(2);
    expect(terminal.err.text).toContain('there is no file');
  });
});
