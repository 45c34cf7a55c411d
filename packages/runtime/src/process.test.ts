import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { waitUntil } from './wait.ts';

const fixture = fileURLToPath(new URL('./testing/process-fixture.ts', import.meta.url));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** The fixture prints `started`, then one word a stop function. */
function start(scenario: string): { child: ChildProcess; output: () => string; ended: Promise<unknown[]> } {
  const child = spawn(process.execPath, [fixture, scenario], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { child, output: () => text, ended: once(child, 'close') };
}

async function started(scenario: string): Promise<ReturnType<typeof start>> {
  const run = start(scenario);
  await waitUntil(() => run.output().includes('started'), {
    timeoutMs: 20_000,
    what: 'the fixture to start',
  });
  return run;
}

const SLOW = 30_000;

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s drains in reverse order and exits 0',
  async (signal) => {
    const { child, output, ended } = await started('orderly');
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
    expect(output().match(/(edge|storage) closed/g)).toEqual(['edge closed', 'storage closed']);
  },
  SLOW,
);

test(
  'what does not stop in time is left, with exit code 1',
  async () => {
    const { child, output, ended } = await started('stuck');
    child.kill('SIGTERM');
    expect(await ended).toEqual([1, null]);
    expect(output()).toContain('not drained in time');
  },
  SLOW,
);

test(
  'a second signal ends it at once',
  async () => {
    const { child, output, ended } = await started('stuck-for-long');
    child.kill('SIGTERM');
    await waitUntil(() => output().includes('stopping'), { timeoutMs: 20_000, what: 'the drain to begin' });
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
  },
  SLOW,
);

test.each([
  ['throws', 1, 'could not start'],
  ['rejects-later', 1, 'unhandled rejection'],
  ['throws-later', 1, 'uncaught exception'],
  ['stop-fails', 1, 'a stop function failed'],
  ['stops-itself', 0, 'storage closed'],
])(
  '%s: exit code %i',
  async (scenario, code, words) => {
    const { output, ended } = start(scenario);
    expect(await ended).toEqual([code, null]);
    expect(output()).toContain(words);
  },
  SLOW,
);

test(
  'bad configuration: exit code 2 and nothing but the message',
  async () => {
    const { output, ended } = start('misconfigured');
    expect(await ended).toEqual([2, null]);
    expect(output()).toBe('fixture: bad configuration\nDRIFTLESS_PORT is "x"; allowed: a whole number\n');
  },
  SLOW,
);
