import { describe, expect, it } from 'vitest';
import { formatDuration, grouped, type Output, paintFor, printable, table } from './terminal.ts';

const tty: Output = { write: () => true, isTTY: true };
const pipe: Output = { write: () => true };

describe('colours', () => {
  it('appear on a terminal only, and not with NO_COLOR', () => {
    expect(paintFor(tty, {})('red', 'x')).toBe('\u001b[31mx\u001b[39m');
    expect(paintFor(pipe, {})('red', 'x')).toBe('x');
    expect(paintFor(tty, { NO_COLOR: '1' })('red', 'x')).toBe('x');
    expect(paintFor(tty, { NO_COLOR: '' })('red', 'x')).not.toBe('x');
    expect(paintFor(tty, { TERM: 'dumb' })('red', 'x')).toBe('x');
  });
});

it('a table lines up by what is visible, not by escape codes', () => {
  const red = paintFor(tty, {})('red', '7');
  expect(
    table(
      [
        ['ops', 'n'],
        [red, '1000'],
      ],
      [0],
    ),
  ).toEqual(['ops  n', `  ${red}  1000`]);
});

it('control characters of others never reach the terminal', () => {
  expect(printable('a\u001b[2Jb\nc\u0085é')).toBe('a\\u001b[2Jb\\u000ac\\u0085é');
});

it.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1000, '1.0 s'],
  [59_949, '59.9 s'],
  [59_999, '1 min 0 s'],
  [200_000, '3 min 20 s'],
  [7_500_000, '2 h 5 min'],
])('%i ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

it('counts are grouped', () => expect(grouped(1234567.2)).toBe('1,234,567'));
