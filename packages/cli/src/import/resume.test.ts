import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RangeSet } from './range-set.ts';
import { RejectedFile } from './rejected.ts';
import { identityOf, ResumeFile } from './resume.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'driftless-resume-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a state file', () => {
  it('gives back what was saved, and leaves no other file', () => {
    const path = join(folder, 'state');
    const done = new RangeSet([
      [0, 500],
      [1000, 1500],
    ]);
    new ResumeFile(path, 'id').save({ done, acknowledged: 998, rejected: 2 });
    const loaded = new ResumeFile(path, 'id').load();
    expect(loaded).toMatchObject({ acknowledged: 998, rejected: 2 });
    expect(loaded.done.toRanges()).toEqual([
      [0, 500],
      [1000, 1500],
    ]);
    expect(readdirSync(folder)).toEqual(['state']);
  });

  it('is the beginning when there is none yet', () => {
    expect(new ResumeFile(join(folder, 'none'), 'id').load().done.count).toBe(0);
  });

  it('of another import, or none at all, is refused', () => {
    const path = join(folder, 'state');
    new ResumeFile(path, 'id').save({ done: new RangeSet(), acknowledged: 0, rejected: 0 });
    expect(() => new ResumeFile(path, 'other').load()).toThrow(/another source or to other options/);
    for (const text of ['', '{"format":2}', 'shopping list']) {
      writeFileSync(path, text);
      expect(() => new ResumeFile(path, 'id').load()).toThrow(/not the state of an import/);
    }
  });
});

describe('the identity of an import', () => {
  it('follows the options and the beginning of the source, not what is appended', async () => {
    const path = join(folder, 'rows');
    writeFileSync(path, '{"a":1}\n{"a":2}\n');
    const identity = await identityOf(path, { key: 'a' });
    appendFileSync(path, '{"a":3}\n');
    expect(await identityOf(path, { key: 'a' })).toBe(identity);
    expect(await identityOf(path, { key: 'b' })).not.toBe(identity);
    writeFileSync(path, '{"a":9}\n{"a":2}\n');
    expect(await identityOf(path, { key: 'a' })).not.toBe(identity);
  });
});

it('rejected rows are kept whole; only the first are named', () => {
  const path = join(folder, 'rejected');
  const said: string[] = [];
  const add = (file: RejectedFile, line: number): void => {
    const row = { line, raw: `row\t${line}`, endByte: 0, record: undefined };
    file.add({ row, reason: 'bad' }, (text) => said.push(text));
  };
  const first = new RejectedFile(path);
  for (let line = 1; line <= 30; line += 1) add(first, line);
  first.close();
  const second = new RejectedFile(path);
  add(second, 31);
  second.close();
  const kept = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text));
  expect(kept).toHaveLength(31);
  expect(kept[30]).toEqual({ line: 31, reason: 'bad', row: 'row\t31' });
  expect(said).toHaveLength(20 + 1 + 1);
});
