/**
 * The ways to get a nats-server onto this machine without asking anybody for rights.
 *
 * Each installer puts a binary into a directory it is given, and touches nothing else of the system where
 * that can be had: the Debian package is unpacked, not installed, and the Docker image only lends its file.
 * Homebrew is the exception. None of them needs root.
 */
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, type Env, findOnPath, isExecutable, runCommand } from '../tools/command.ts';
import { buildGoTool, type GoTool, hasGo } from '../tools/go.ts';
import { NATS_SERVER_VERSION } from './version.ts';

export interface Installer {
  /** For people: "the Go toolchain". */
  readonly name: string;
  /** What it does, for the progress line. */
  readonly action: string;
  isAvailable(env: Env): boolean;
  /** The path of a binary inside `dir`. Throws an error that says why there is none. */
  install(dir: string, env: Env): Promise<string>;
}

const BUILD_TIMEOUT_MS = 10 * 60_000;
const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;
const BINARY = 'nats-server';
const GO_TOOL: GoTool = {
  name: BINARY,
  module: 'github.com/nats-io/nats-server/v2',
  folder: '',
  version: NATS_SERVER_VERSION,
};
const DOCKER_IMAGE = `nats:${NATS_SERVER_VERSION}`;

const go: Installer = {
  name: 'Go toolchain',
  action: `building nats-server ${NATS_SERVER_VERSION} with the Go toolchain`,
  isAvailable: hasGo,
  install: (dir, env) => buildGoTool(GO_TOOL, dir, env),
};

const debian: Installer = {
  name: 'Debian package',
  action: 'unpacking the Debian package nats-server',
  isAvailable: (env) => isOnPath('apt-get', env) && isOnPath('dpkg', env),
  async install(dir, env) {
    const options = { env, timeoutMs: DOWNLOAD_TIMEOUT_MS, cwd: dir };
    const download = (): Promise<CommandResult> => runCommand('apt-get', ['download', BINARY], options);
    const first = await download();
    if (!first.ok) {
      // A bare machine has no package lists; only root may fetch them.
      if (process.getuid?.() !== 0) must(first);
      must(await runCommand('apt-get', ['update'], options));
      must(await download());
    }
    const deb = readdirSync(dir).find((file) => file.endsWith('.deb'));
    if (deb === undefined) throw new Error('apt-get downloaded no package');
    must(await runCommand('dpkg', ['-x', deb, 'unpacked'], options));
    const places = ['usr/sbin', 'usr/bin'].map((place) => join(dir, 'unpacked', place, BINARY));
    return places.find(isExecutable) ?? missing('the package holds no nats-server');
  },
};

const homebrew: Installer = {
  name: 'Homebrew',
  action: 'installing nats-server with Homebrew',
  isAvailable: (env) => isOnPath('brew', env),
  async install(dir, env) {
    must(await runCommand('brew', ['install', '--quiet', BINARY], { env, timeoutMs: BUILD_TIMEOUT_MS }));
    const prefix = must(
      await runCommand('brew', ['--prefix', BINARY], { env, timeoutMs: DOWNLOAD_TIMEOUT_MS }),
    );
    copyFileSync(join(prefix.trim(), 'bin', BINARY), join(dir, BINARY));
    return join(dir, BINARY);
  },
};

const docker: Installer = {
  name: 'Docker image',
  action: `taking nats-server out of the Docker image ${DOCKER_IMAGE}`,
  // The image holds a Linux binary.
  isAvailable: (env) => process.platform === 'linux' && isOnPath('docker', env),
  async install(dir, env) {
    const options = { env, timeoutMs: DOWNLOAD_TIMEOUT_MS };
    const container = must(await runCommand('docker', ['create', DOCKER_IMAGE], options)).trim();
    try {
      must(await runCommand('docker', ['cp', `${container}:/${BINARY}`, join(dir, BINARY)], options));
    } finally {
      await runCommand('docker', ['rm', container], options);
    }
    return join(dir, BINARY);
  },
};

/** In the order in which they are tried. */
export const INSTALLERS: readonly Installer[] = [go, debian, homebrew, docker];

function isOnPath(name: string, env: Env): boolean {
  return findOnPath(name, env).length > 0;
}

function must({ ok, stdout, reason }: CommandResult): string {
  if (!ok) throw new Error(reason);
  return stdout;
}

function missing(message: string): never {
  throw new Error(message);
}
