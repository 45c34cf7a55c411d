/** A history on disk: written, torn, gone on with, read again; and files that are no history. */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  createReadStream,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HistoryError } from '../core/arrange.ts';
import { lineCharsMax, readHistory } from './reader.ts';
import { HistoryWriter } from './writer.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'driftless-history-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (path: string) => readHistory(createReadStream(path, { highWaterMark: 7 }));
const readText = (text: string) => readHistory(Readable.from([Buffer.from(text)]));
const put = (value: string) => ({ process: 'p', operation: 'put' as const, key: 'schlüssel', value });
const head = '{"type":"history","format":1}\n';

describe('a history file', () => {
  it('holds what was recorded, each event at once', async () => {
    const path = join(folder, 'plain');
    const writer = new HistoryWriter(path, { shards: 4 });
    const first = writer.invoke(put('a'));
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(3);
    writer.end(first, { type: 'ok', version: { epoch: 3, seq: 120 }, node: 'n1' });
    writer.invoke(put('b'));
    writer.close();
    const history = await read(path);
    expect(history.shards).toBe(4);
    expect(history.operations.map(({ outcome, version, value }) => ({ outcome, version, value }))).toEqual([
      { outcome: 'ok', version: { epoch: 3, seq: 120 }, value: 'a' },
      { outcome: 'info', version: undefined, value: 'b' },
    ]);
    expect(history.operations[0]?.lines).toEqual([2, 3]);
    const [operation] = history.operations;
    expect(operation?.endedAt).toBeGreaterThanOrEqual(operation?.invokedAt ?? Number.NaN);
  });

  it('is whole up to the last event when its writer is killed', async () => {
    const path = join(folder, 'killed');
    const program = `import { HistoryWriter } from '${new URL('writer.ts', import.meta.url).href}';
      const writer = new HistoryWriter(process.argv[1]);
      const put = { process: 'p', operation: 'put', key: 'k' };
      for (let i = 0; i < 100; i += 1) writer.invoke({ ...put, value: String(i) });
      process.kill(process.pid, 'SIGKILL');`;
    spawnSync(process.execPath, ['--input-type=module', '-e', program, path]);
    expect((await read(path)).operations).toHaveLength(100);
  });

  it('is gone on with after a torn line; what was open stays open, and ids begin anew', async () => {
    const path = join(folder, 'torn');
    const before = new HistoryWriter(path);
    before.invoke(put('a'));
    before.invoke(put('b'));
    before.close();
    truncateSync(path, readFileSync(path).length - 5);
    const torn = await read(path);
    expect(torn.operations).toHaveLength(1);
    expect(torn.notes).toEqual(['line 3 is torn: the recorder was stopped while it wrote it']);
    const after = new HistoryWriter(path);
    after.end(after.invoke(put('c')), { type: 'ok' });
    after.close();
    const history = await read(path);
    expect(history.operations.map(({ value, outcome }) => `${value} ${outcome}`)).toEqual(['a info', 'c ok']);
    expect(history.notes).toEqual(['line 3 is torn: the recorder was stopped and resumed']);
  });

  it('does not believe a dump that is not whole', async () => {
    const dump = '{"type":"dump","id":1,"at":1,"node":"n","final":true,"rows":2}\n';
    const row = '{"type":"row","dump":1,"key":"k","version":"1-2","value":"a"}\n';
    const { dumps, notes } = await readText(`${head}${dump}${row}`);
    expect(dumps).toEqual([]);
    expect(notes).toEqual(['the dump of n at line 2 is not whole']);
  });

  const invoke = '{"type":"invoke","id":1,"at":5,"process":"p","operation":"get","key":"k"}\n';
  it.each([
    ['nothing', '', 'line 1 is missing'],
    ['no head', invoke, 'line 1 is no head'],
    ['a later format', '{"type":"history","format":2}\n', 'line 1 is no event: format'],
    ['two heads', head + head, 'line 2 is a second head'],
    ['a line that is not JSON', `${head}{"type"\n${invoke}`, 'line 2 is not JSON'],
    [
      'a position that is none',
      `${head}${invoke}{"type":"ok","id":1,"at":6,"position":"1.2"}\n`,
      'line 3 is no event: position',
    ],
    ['a field that nobody knows', `${head}{"type":"resumed","at":1,"more":2}\n`, 'line 2 is no event'],
    ['an end of nothing', `${head}{"type":"fail","id":1,"at":6}\n`, 'line 2 ends 1, which is not under way'],
    ['an end twice', `${head}${invoke}${'{"type":"fail","id":1,"at":6}\n'.repeat(2)}`, 'line 4 ends 1'],
    [
      'an end before the beginning',
      `${head}${invoke}{"type":"fail","id":1,"at":4}\n`,
      'line 3 ends an operation before',
    ],
    ['an id twice', `${head}${invoke}${invoke}`, 'line 3 uses the id 1 again'],
    ['a read of who knows what', `${head}${invoke}{"type":"ok","id":1,"at":6}\n`, 'line 3 does not say'],
    [
      'a row of no dump',
      `${head}{"type":"row","dump":1,"key":"k","version":"1-2","value":"a"}\n`,
      'line 2 belongs to no',
    ],
  ])('is not: %s', async (_what, text, problem) => {
    const run = readText(text);
    await expect(run).rejects.toThrow(HistoryError);
    await expect(run).rejects.toThrow(problem);
  });

  it('is not: one value put twice under a key', async () => {
    const path = join(folder, 'twice');
    const writer = new HistoryWriter(path);
    writer.invoke(put('a'));
    writer.invoke(put('a'));
    writer.close();
    await expect(read(path)).rejects.toThrow('line 3 puts the value that line 2 puts already');
  });

  it('is not: a line without an end', async () => {
    const path = join(folder, 'long');
    writeFileSync(path, head);
    appendFileSync(path, 'x'.repeat(lineCharsMax + 1));
    await expect(readHistory(createReadStream(path))).rejects.toThrow('line 2 is longer than');
  });
});
