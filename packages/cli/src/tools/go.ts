/**
 * Programs and files that come by Go's module proxy: pinned by a version, checked against Go's checksum
 * database, built by the Go toolchain of this machine, and kept in our cache.
 *
 * `go install` refuses a module that replaces others, as Kubernetes does by folders beside itself; those
 * folders are modules of their own, with versions of their own. Such a program is built from an empty module
 * that asks for it and says where those are.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Say, ToolCache } from './cache.ts';
import { type Env, findOnPath, runCommand } from './command.ts';

export interface GoTool {
  /** Of the binary. */
  readonly name: string;
  readonly module: string;
  /** Its folder in the module. */
  readonly folder: string;
  /** Without the `v`. */
  readonly version: string;
  /** The version of the modules that it has beside itself. */
  readonly besides?: string | undefined;
}

const BUILD_TIMEOUT_MS = 60 * 60_000;
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;

export function hasGo(env: Env): boolean {
  return findOnPath('go', env).length > 0;
}

/** The path of its binary: the cache's, or one that is built now, which takes minutes. */
export async function provisionGoTool(tool: GoTool, { env, say }: { env: Env; say: Say }): Promise<string> {
  const { name, version } = tool;
  const cache = new ToolCache(name, env);
  if (cache.versions().includes(version)) return cache.binary(version);
  const action = `building ${name} ${version} with the Go toolchain`;
  const { binary } = await cache.fill(action, say, async (dir) => {
    return { binary: await buildGoTool(tool, dir, env), version };
  });
  return binary;
}

/** Builds it into `dir`. Throws an error with Go's last line when that fails. */
export async function buildGoTool(tool: GoTool, dir: string, env: Env): Promise<string> {
  const { name, module, folder, version, besides } = tool;
  const goEnv = { ...env, GOBIN: dir, GOFLAGS: '-mod=mod', CGO_ENABLED: '0' };
  const at = [module, folder].filter((part) => part !== '').join('/');
  if (besides === undefined) {
    await go(['install', `${at}@v${version}`], { env: goEnv, timeoutMs: BUILD_TIMEOUT_MS });
  } else {
    const cwd = join(dir, 'build');
    mkdirSync(cwd);
    const own = readFileSync(join(await goModule(module, version, env), 'go.mod'), 'utf8');
    writeFileSync(join(cwd, 'go.mod'), wrapperOf(tool, own, besides));
    await go(['build', '-o', join(dir, name), at], { env: goEnv, timeoutMs: BUILD_TIMEOUT_MS, cwd });
  }
  return join(dir, name);
}

/** An empty module that asks for the tool; `own` is the tool's go.mod. */
function wrapperOf({ module, version }: GoTool, own: string, besides: string): string {
  const [, goVersion = '1.24'] = /^go (\S+)$/m.exec(own) ?? [];
  const modules = [...own.matchAll(/(\S+) => \.\.?\//g)].map(([, name]) => name as string);
  const replaces = modules.map((name) => `replace ${name} => ${name} v${besides}`);
  return ['module build', `go ${goVersion}`, `require ${module} v${version}`, ...replaces, ''].join('\n');
}

/** Where the module's files are; they are downloaded once, and must not be changed. */
export async function goModule(module: string, version: string, env: Env): Promise<string> {
  const options = { env, timeoutMs: DOWNLOAD_TIMEOUT_MS };
  const answer = await go(['mod', 'download', '-json', `${module}@v${version}`], options);
  return (JSON.parse(answer) as { Dir: string }).Dir;
}

async function go(
  args: readonly string[],
  options: { env: Env; timeoutMs: number; cwd?: string },
): Promise<string> {
  const { ok, stdout, reason } = await runCommand('go', args, options);
  if (!ok) throw new Error(reason);
  return stdout;
}
