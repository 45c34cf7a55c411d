/**
 * A nats-server for this machine: found where somebody put it, or installed into our cache.
 *
 *   NATS_SERVER_BIN → PATH → cache → Go toolchain, Debian package, Homebrew, Docker image → a clear message
 *
 * A candidate counts when it runs and is recent enough; one that isn't is named, with the reason, and the
 * next is asked. The cache belongs to the user, not to a clone: `~/.cache/driftless/nats-server/<version>/`,
 * so that a fresh clone starts at once. An installer works in a directory beside it, which is renamed when
 * it is complete, so that two that install at the same time can't see each other's halves.
 *
 * (`DRIFTLESS_NATS_URL`, a server that is running already, is above all this: then no binary is needed.)
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CommandError } from '../output/failure.ts';
import { type Env, findOnPath, isExecutable, runCommand } from './command.ts';
import { INSTALLERS, type Installer } from './install.ts';
import {
  compareVersions,
  isRecentEnough,
  NATS_SERVER_VERSION,
  NATS_SERVER_VERSION_MIN,
  parseVersion,
} from './version.ts';

export interface NatsServer {
  /** Absolute path. */
  readonly binary: string;
  readonly version: string;
  /** Where it came from, for people: `PATH`, `cache`, `Go toolchain`, … */
  readonly source: string;
}

export interface ProvisionOptions {
  readonly env: Env;
  /** Takes one line of progress. */
  readonly say: (line: string) => void;
  readonly installers?: readonly Installer[] | undefined;
}

/** No nats-server was found, and none could be installed. The hint holds the one line to run. */
export class NatsServerMissing extends CommandError {
  override readonly name = 'NatsServerMissing';

  constructor(platform: NodeJS.Platform) {
    const line =
      platform === 'darwin'
        ? 'brew install nats-server'
        : `go install github.com/nats-io/nats-server/v2@v${NATS_SERVER_VERSION}`;
    super(`no nats-server ${NATS_SERVER_VERSION_MIN} or newer was found, and none could be installed`, {
      hint:
        `run "${line}", or set NATS_SERVER_BIN to a release of github.com/nats-io/nats-server, ` +
        'or DRIFTLESS_NATS_URL to a server that runs already',
    });
  }
}

const VERSION_TIMEOUT_MS = 10_000;
const PROGRESS_INTERVAL_MS = 10_000;
const BINARY = 'nats-server';

export async function provisionNatsServer(options: ProvisionOptions): Promise<NatsServer> {
  return (await findNatsServer(options)) ?? (await installNatsServer(options));
}

/** The first candidate that works, without installing anything. */
export async function findNatsServer({ env, say }: ProvisionOptions): Promise<NatsServer | undefined> {
  const chosen = env.NATS_SERVER_BIN ? [{ binary: env.NATS_SERVER_BIN, source: 'NATS_SERVER_BIN' }] : [];
  const onPath = findOnPath(BINARY, env).map((binary) => ({ binary, source: 'PATH' }));
  const cached = cachedBinaries(env).map((binary) => ({ binary, source: 'cache' }));
  for (const { binary, source } of [...chosen, ...onPath, ...cached]) {
    const judged = await judge(binary, env);
    if ('version' in judged) return { binary, source, version: judged.version };
    say(`nats-server: skipping ${binary} (${source}): ${judged.fault}`);
  }
  return undefined;
}

async function installNatsServer({
  env,
  say,
  installers = INSTALLERS,
}: ProvisionOptions): Promise<NatsServer> {
  const cache = cacheDir(env);
  mkdirSync(cache, { recursive: true });
  for (const installer of installers.filter((candidate) => candidate.isAvailable(env))) {
    const dir = mkdtempSync(join(cache, '.install-'));
    try {
      return await installWith(installer, dir);
    } catch (error) {
      say(`nats-server: ${installer.name} gave none: ${(error as Error).message}`);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  throw new NatsServerMissing(process.platform);

  async function installWith(installer: Installer, dir: string): Promise<NatsServer> {
    say(`nats-server: none found; ${installer.action} (once; it is kept in ${cache})`);
    const startedAt = performance.now();
    const seconds = (): string => `${Math.round((performance.now() - startedAt) / 1000)} s`;
    const progress = setInterval(() => say(`nats-server: still at it, ${seconds()}`), PROGRESS_INTERVAL_MS);
    try {
      const installed = await installer.install(dir, env);
      const judged = await judge(installed, env);
      if ('fault' in judged) throw new Error(judged.fault);
      const binary = moveIntoCache(installed, judged.version, cache);
      say(`nats-server: ${judged.version} is there, after ${seconds()}`);
      return { binary, version: judged.version, source: installer.name };
    } finally {
      clearInterval(progress);
    }
  }
}

async function judge(binary: string, env: Env): Promise<{ version: string } | { fault: string }> {
  if (!isExecutable(binary)) return { fault: 'not an executable file' };
  const result = await runCommand(binary, ['--version'], { env, timeoutMs: VERSION_TIMEOUT_MS });
  if (!result.ok) return { fault: `does not run: ${result.reason}` };
  const version = parseVersion(result.stdout);
  if (version === undefined) return { fault: 'does not say its version' };
  if (!isRecentEnough(version))
    return { fault: `version ${version} is older than ${NATS_SERVER_VERSION_MIN}` };
  return { version };
}

function cacheDir(env: Env): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'driftless', 'nats-server');
}

/** What the cache holds, the pinned version first, then the newest. */
function cachedBinaries(env: Env): string[] {
  const cache = cacheDir(env);
  const versions = namesIn(cache).filter((name) => /^\d+\.\d+\.\d+$/.test(name));
  versions.sort((a, b) => rank(b) - rank(a) || compareVersions(b, a));
  return versions.map((version) => join(cache, version, BINARY)).filter(isExecutable);
}

function rank(version: string): number {
  return version === NATS_SERVER_VERSION ? 1 : 0;
}

/** Renames the directory that holds the binary; if another was faster, theirs is as good. */
function moveIntoCache(installed: string, version: string, cache: string): string {
  chmodSync(installed, 0o755);
  const target = join(cache, version, BINARY);
  const staged = mkdtempSync(join(dirname(installed), 'staged-'));
  renameSync(installed, join(staged, BINARY));
  chmodSync(staged, 0o755);
  try {
    renameSync(staged, join(cache, version));
  } catch (error) {
    if (isExecutable(target)) return target;
    throw error;
  }
  return target;
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
