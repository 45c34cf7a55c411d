import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const help = '`npm run thing`: does it.\n\n    npm run thing -- --times N     so often';
let directory: string;
let script: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'driftless-test-'));
  script = join(directory, 'thing.ts');
  const module = join(import.meta.dirname, 'command-options.ts');
  writeFileSync(
    script,
    `/**
 * \`npm run thing\`: does it.
 *
 *     npm run thing -- --times N     so often
 */
import { commandOptions, wholeOption } from ${JSON.stringify(module)};
const options = commandOptions(import.meta.filename, {
  times: { type: 'string', default: '1' },
  loud: { type: 'boolean', default: false },
});
const times = wholeOption(import.meta.filename, 'times', options.times, 1);
console.log(JSON.stringify([times, options.loud]));
`,
  );
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}

test('gives the options, with their defaults', () => {
  expect(run('--loud')).toEqual({ status: 0, stdout: '[1,true]', stderr: '' });
  expect(run('--times', '3')).toMatchObject({ status: 0, stdout: '[3,false]' });
});

test('shows the head of the file as its help', () => {
  expect(run('--help', '--nonsense')).toEqual({ status: 0, stdout: help, stderr: '' });
});

test('says what is wrong, and what there is', () => {
  for (const [args, what] of [
    [['--slowly'], "Unknown option '--slowly'."],
    [['now'], "Unexpected argument 'now'."],
    [['--times'], "Option '--times <value>' argument missing."],
    [['--times', 'many'], '--times many: must be a whole number, from 1.'],
    [['--times', '0'], '--times 0: must be a whole number, from 1.'],
  ] as const) {
    expect(run(...args)).toEqual({ status: 2, stdout: '', stderr: `${what}\n\n${help}` });
  }
});
