import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NatsServerMissing, provisionNatsServer } from './provision.ts';
import { compareVersions, parseVersion } from './version.ts';

/** A machine made of shell scripts: `bin` is all there is on PATH, besides /bin/sh and what it needs. */
let root: string;
let said: string[];
let env: Record<string, string>;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'driftless-provision-'));
  said = [];
  env = { PATH: join(root, 'bin'), XDG_CACHE_HOME: join(root, 'cache'), HOME: root };
});
afterEach(() => rmSync(root, { recursive: true }));

const provision = () => provisionNatsServer({ env, say: (line) => void said.push(line) });
const cached = (version: string): string => join(root, 'cache/driftless/nats-server', version, 'nats-server');

function script(path: string, ...lines: string[]): string {
  const full = path.startsWith('/') ? path : join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(full, 0o755);
  return full;
}

const server = (path: string, version: string): string => script(path, `echo "nats-server: v${version}"`);
/** What a fake tool does to leave a server of that version at `target`. */
const leave = (target: string, version: string): string[] => [
  `printf '#!/bin/sh\\necho nats-server: v${version}\\n' > "${target}"`,
  `/bin/chmod 755 "${target}"`,
];

test('the order: what was chosen, PATH, the cache', async () => {
  server(cached('2.14.5'), '2.14.5');
  expect(await provision()).toMatchObject({ version: '2.14.5', source: 'cache' });
  server('bin/nats-server', '2.11.0');
  expect(await provision()).toMatchObject({ version: '2.11.0', source: 'PATH' });
  env.NATS_SERVER_BIN = server('mine', '2.10.1');
  expect(await provision()).toEqual({
    version: '2.10.1',
    source: 'NATS_SERVER_BIN',
    binary: env.NATS_SERVER_BIN,
  });
  expect(said).toEqual([]);
});

test('2.9.10 is recent enough; what is older, broken or absent is named and skipped', async () => {
  env.NATS_SERVER_BIN = join(root, 'absent');
  env.PATH = [join(root, 'old'), join(root, 'broken'), join(root, 'bin')].join(':');
  server('old/nats-server', '2.9.9');
  script('broken/nats-server', 'echo "no such library" >&2', 'exit 127');
  server('bin/nats-server', '2.9.10');
  expect(await provision()).toMatchObject({ version: '2.9.10', source: 'PATH' });
  expect(said).toEqual([
    `nats-server: skipping ${root}/absent (NATS_SERVER_BIN): not an executable file`,
    `nats-server: skipping ${root}/old/nats-server (PATH): version 2.9.9 is older than 2.9.10`,
    `nats-server: skipping ${root}/broken/nats-server (PATH): does not run: no such library`,
  ]);
});

test('of several in the cache, the pinned one, then the newest', async () => {
  server(cached('2.9.10'), '2.9.10');
  server(cached('2.16.0'), '2.16.0');
  expect(await provision()).toMatchObject({ version: '2.16.0' });
  server(cached('2.15.2'), '2.15.2');
  expect(await provision()).toMatchObject({ version: '2.15.2' });
});

test('builds with Go, pinned, and keeps it in the cache for the next time', async () => {
  script('bin/go', 'echo "$@" > "$HOME/go-args"', ...leave('$GOBIN/nats-server', '2.15.2'));
  expect(await provision()).toEqual({ version: '2.15.2', source: 'Go toolchain', binary: cached('2.15.2') });
  expect(readdirSync(join(root, 'cache/driftless/nats-server'))).toEqual(['2.15.2']);
  expect(await provision()).toMatchObject({ source: 'cache' });
});

test('without Go, unpacks the Debian package', async () => {
  script('bin/apt-get', '[ "$1" = download ] && echo deb > nats-server_2.9.10.deb');
  script('bin/dpkg', '/bin/mkdir -p unpacked/usr/sbin', ...leave('unpacked/usr/sbin/nats-server', '2.9.10'));
  expect(await provision()).toEqual({
    version: '2.9.10',
    source: 'Debian package',
    binary: cached('2.9.10'),
  });
});

test('then Homebrew', async () => {
  const lines = ['/bin/mkdir -p "$HOME/keg/bin"', ...leave('$HOME/keg/bin/nats-server', '2.15.2')];
  script('bin/brew', '[ "$1" = --prefix ] && { echo "$HOME/keg"; exit; }', ...lines);
  expect(await provision()).toMatchObject({ source: 'Homebrew', binary: cached('2.15.2') });
});

test.runIf(process.platform === 'linux')('then the Docker image, leaving no container', async () => {
  const copy = leave('$3', '2.15.2').join('; ');
  script(
    'bin/docker',
    'echo "$@" >> "$HOME/docker-calls"',
    `case $1 in create) echo c1;; cp) ${copy};; esac`,
  );
  expect(await provision()).toMatchObject({ source: 'Docker image', binary: cached('2.15.2') });
});

test('an installer that fails or gives rubbish is named, and the next is asked', async () => {
  script('bin/go', 'echo "go: no network" >&2', 'exit 1');
  const copy = leave('$3', '2.1.0').join('; ');
  script('bin/docker', `case $1 in create) echo c1;; cp) ${copy};; esac`);
  await expect(provision()).rejects.toThrow(NatsServerMissing);
  expect(said.join('\n')).toContain('Go toolchain gave none: go: no network');
  if (process.platform === 'linux') expect(said.join('\n')).toContain('version 2.1.0 is older than 2.9.10');
  expect(readdirSync(join(root, 'cache/driftless/nats-server'))).toEqual([]);
});

test('nothing at all: one message, with the line to run', async () => {
  const error = await provision().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NatsServerMissing);
  expect((error as NatsServerMissing).hint).toMatch(/go install|brew install/);
  expect((error as NatsServerMissing).hint).toContain('NATS_SERVER_BIN');
});

test('two that install at the same time both get a whole one', async () => {
  script('bin/go', '/bin/sleep 0.1', ...leave('$GOBIN/nats-server', '2.15.2'));
  const both = await Promise.all([provision(), provision()]);
  expect(both.map(({ binary }) => binary)).toEqual([cached('2.15.2'), cached('2.15.2')]);
  expect(existsSync(cached('2.15.2'))).toBe(true);
});

test('versions are read and compared as numbers', () => {
  expect(parseVersion('nats-server: v2.15.2\n')).toBe('2.15.2');
  expect(parseVersion('nats-server: v2.12.0-RC.1')).toBe('2.12.0');
  expect(parseVersion('bash: nats-server: not found')).toBeUndefined();
  expect(compareVersions('2.9.10', '2.9.9')).toBeGreaterThan(0);
  expect(compareVersions('2.9.10', '2.10.0')).toBeLessThan(0);
  expect(compareVersions('2.15.2', '2.15.2')).toBe(0);
});
