import { expect, it } from 'vitest';
import { parseStat } from './cpu.ts';

it('a line of /proc/<id>/stat is read from the end of the name, whatever that holds', () => {
  const line = '42 (a) b (c) S 7 42 42 0 -1 4194560 900 0 0 0 30 12 99 99 20 0 11 0 100 1 1';
  expect(parseStat(line)).toEqual({ parent: 7, micros: 420_000 });
});
