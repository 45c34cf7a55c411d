/**
 * `driftless nats-server` with real tools, into a cache of its own. The Debian package is a small download;
 * a build with Go takes a minute and is only made when DRIFTLESS_SLOW_TESTS is set.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const main = join(import.meta.dirname, '../../packages/cli/src/main.ts');
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'driftless-provision-'));
});
afterEach(() => {
  // Go makes what it downloads read-only, for its owner, too.
  execFileSync('chmod', ['-R', 'u+w', root]);
  rmSync(root, { recursive: true });
});

/** Runs the command with nothing on PATH but these tools and what belongs to any system. */
function provision(tools: readonly string[]) {
  const bin = join(root, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const tool of tools) symlinkSync(pathOf(tool) ?? '', join(bin, tool));
  const { NATS_SERVER_BIN: _chosen, ...rest } = process.env;
  const env = { ...rest, PATH: bin, XDG_CACHE_HOME: join(root, 'cache') };
  return spawnSync(process.execPath, [main, 'nats-server'], { env, encoding: 'utf8' });
}

function pathOf(tool: string): string | undefined {
  return spawnSync('/bin/sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim() || undefined;
}

const canDownload =
  pathOf('apt-get') !== undefined && spawnSync('apt-cache', ['show', 'nats-server']).status === 0;

test.runIf(canDownload)('unpacks the Debian package, without installing it', () => {
  const before = pathOf('nats-server');
  const first = provision(['apt-get', 'dpkg', 'dpkg-deb', 'tar', 'rm']);
  expect(first.stderr).toContain('from Debian package');
  const binary = first.stdout.trim();
  expect(binary).toContain(join(root, 'cache', 'driftless', 'nats-server'));
  expect(execFileSync(binary, ['--version'], { encoding: 'utf8' })).toMatch(/nats-server: v2\.\d+/);
  expect(pathOf('nats-server')).toBe(before);
  const second = provision([]);
  expect(second.stdout.trim()).toBe(binary);
  expect(second.stderr).toContain('from cache');
});

test.runIf(process.env.DRIFTLESS_SLOW_TESTS && pathOf('go'))(
  'builds the pinned version with Go',
  () => {
    const { stdout, stderr } = provision(['go']);
    expect(stderr).toContain('from Go toolchain');
    expect(execFileSync(stdout.trim(), ['--version'], { encoding: 'utf8' })).toContain('v2.15.2');
  },
  600_000,
);

test('says what to do where there is nothing', () => {
  const { status, stderr } = provision([]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/hint: run "(go install|brew install)/);
});
