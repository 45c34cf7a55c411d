/**
 * A nats-server for this machine: found where somebody put it, or installed into our cache.
 *
 *   NATS_SERVER_BIN → PATH → cache → Go toolchain, Debian package, Homebrew, Docker image → a clear message
 *
 * A candidate counts when it runs and is recent enough; one that isn't is named, with the reason, and the
 * next is asked. The cache is that of all tools (tools/cache.ts).
 *
 * (`DRIFTLESS_NATS_URL`, a server that is running already, is above all this: then no binary is needed.)
 */
import { CommandError } from '../output/failure.ts';
import { type Say, ToolCache } from '../tools/cache.ts';
import { type Env, findOnPath, isExecutable, runCommand } from '../tools/command.ts';
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
  readonly say: Say;
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
  const cache = new ToolCache(BINARY, env);
  for (const { name, action, isAvailable, install } of installers) {
    if (!isAvailable(env)) continue;
    try {
      const { binary, version } = await cache.fill(action, say, async (dir) => {
        const installed = await install(dir, env);
        const judged = await judge(installed, env);
        if ('fault' in judged) throw new Error(judged.fault);
        return { binary: installed, version: judged.version };
      });
      return { binary, version, source: name };
    } catch (error) {
      say(`nats-server: ${name} gave none: ${(error as Error).message}`);
    }
  }
  throw new NatsServerMissing(process.platform);
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

/** What the cache holds, the pinned version first, then the newest. */
function cachedBinaries(env: Env): string[] {
  const cache = new ToolCache(BINARY, env);
  const versions = cache.versions().sort((a, b) => rank(b) - rank(a) || compareVersions(b, a));
  return versions.map((version) => cache.binary(version));
}

function rank(version: string): number {
  return version === NATS_SERVER_VERSION ? 1 : 0;
}
