/**
 * Prometheus and the tools of its family, for tests: what is on PATH, else in the cache, else brought there
 * without touching the system. Debian's package is unpacked, not installed; amtool is built by Go, since the
 * one of Debian 12 is too old for secrets in files. `obstacleTo` says why a tool can't be had here.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findOnPath } from './tools.ts';

export type ObserveTool =
  | 'prometheus'
  | 'promtool'
  | 'amtool'
  | 'prometheus-node-exporter'
  | 'prometheus-nats-exporter';

/** Puts the tool into an empty directory; throws where that can't be done. */
type Installer = (dir: string) => void;

const debian =
  (name: string): Installer =>
  (dir) => {
    const download = (): boolean => run('apt-get', ['download', name], dir);
    // A bare machine has no package lists; only root may fetch them.
    if (!download() && !(run('apt-get', ['update', '-qq'], dir) && download())) {
      throw new Error(`it is not on PATH, and \`apt-get download ${name}\` gave none`);
    }
    const deb = readdirSync(dir).find((file) => file.endsWith('.deb')) ?? '';
    execFileSync('dpkg', ['-x', deb, '.'], { cwd: dir });
    rmSync(join(dir, deb));
  };

const amtoolVersion = '0.34.2';
const goAmtool: Installer = (dir) => {
  const env = { ...process.env, GOBIN: join(dir, 'usr/bin'), GOFLAGS: '-mod=mod', CGO_ENABLED: '0' };
  const args = ['install', `github.com/prometheus/alertmanager/cmd/amtool@v${amtoolVersion}`];
  if (!run('go', args, dir, env)) throw new Error(`\`go ${args.join(' ')}\` gave none`);
};

/** Where the cache keeps each, and who brings it there; the exporter is taken from PATH only. */
const places: Record<ObserveTool, { onPath: boolean; cache?: string; install?: Installer }> = {
  prometheus: { onPath: true, cache: 'prometheus', install: debian('prometheus') },
  promtool: { onPath: true, cache: 'prometheus', install: debian('prometheus') },
  amtool: { onPath: false, cache: `amtool-${amtoolVersion}`, install: goAmtool },
  'prometheus-node-exporter': {
    onPath: true,
    cache: 'prometheus-node-exporter',
    install: debian('prometheus-node-exporter'),
  },
  'prometheus-nats-exporter': { onPath: true },
};

const known = new Map<ObserveTool, { path: string } | { obstacle: string }>();

/** Why it can't be had on this machine; undefined when it can. */
export function obstacleTo(tool: ObserveTool): string | undefined {
  const found = provide(tool);
  return 'obstacle' in found ? `${tool}: ${found.obstacle}` : undefined;
}

/** Its path. */
export function observeTool(tool: ObserveTool): string {
  const found = provide(tool);
  if ('obstacle' in found) throw new Error(`${tool}: ${found.obstacle}`);
  return found.path;
}

function provide(tool: ObserveTool): { path: string } | { obstacle: string } {
  let found = known.get(tool);
  if (found === undefined) {
    try {
      found = { path: pathOf(tool) };
    } catch (error) {
      found = { obstacle: (error as Error).message };
    }
    known.set(tool, found);
  }
  return found;
}

function pathOf(tool: ObserveTool): string {
  const { onPath, cache, install } = places[tool];
  const [there] = onPath ? findOnPath(tool) : [];
  if (there !== undefined) return there;
  if (cache === undefined || install === undefined) throw new Error('it is not on PATH');
  const above = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'driftless');
  const path = join(above, cache, 'usr/bin', tool);
  if (existsSync(path)) return path;
  mkdirSync(above, { recursive: true });
  const dir = mkdtempSync(join(above, '.install-'));
  try {
    install(dir);
    // If another was faster, theirs is as good.
    if (!existsSync(path)) renameSync(dir, join(above, cache));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return path;
}

function run(command: string, args: string[], cwd: string, env = process.env): boolean {
  return spawnSync(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}
