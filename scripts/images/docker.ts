/** The engine by its command line, and the images that the Dockerfile makes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

export const root = join(import.meta.dirname, '../..');
const commandTimeoutMs = 300_000;

const manifestSchema = z.object({ version: z.string() });
export const { version } = manifestSchema.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));

/** By the target of the Dockerfile; no target is the last stage. */
export const images = {
  processes: { name: `driftless:${version}`, target: undefined },
  allInOne: { name: `driftless:${version}-all-in-one`, target: 'all-in-one' },
} as const;

export interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

/** Whatever comes of it. `input`: what it reads. */
export async function attempt(command: string, args: readonly string[], input = ''): Promise<Ended> {
  const child = spawn(command, args, { cwd: root, timeout: commandTimeoutMs });
  child.stdin.on('error', () => {}); // It may end without reading.
  child.stdin.end(input);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  const isLate = child.killed ? `not done within ${commandTimeoutMs / 1000} s` : '';
  return { status: child.killed ? 1 : (status ?? 1), stdout, stderr: stderr + isLate };
}

/** What it printed. Throws with its last words when it fails. */
export async function run(command: string, args: readonly string[], input = ''): Promise<string> {
  const { status, stdout, stderr } = await attempt(command, args, input);
  if (status === 0) return stdout;
  const last = stderr.trim() || stdout.trim().split('\n').at(-1) || `exit code ${status}`;
  throw new Error(`${command} ${args.slice(0, 4).join(' ')}: ${last}`);
}

export const docker = (...args: string[]): Promise<string> => run('docker', args);
