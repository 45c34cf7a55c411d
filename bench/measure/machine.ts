/** The machine and the versions of what runs on it. */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { natsServerBinary } from '@driftless/test';
import type { Machine } from '../report/run.ts';

/** Servers of peers, and how they tell their version. */
const programs = (): Record<string, readonly string[]> => ({
  'nats-server': [natsServerBinary(), '--version'],
  etcd: ['etcd', '--version'],
  Redis: ['redis-server', '--version'],
  gunicorn: ['gunicorn', '--version'],
});

export function machineOf(): Machine {
  const found = Object.entries(programs()).flatMap(([name, [command = '', ...args]]): [string, string][] => {
    const version = versionIn(spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '');
    return version === undefined ? [] : [[name, version]];
  });
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    versions: { ...commitOf(), Node: process.versions.node, ...Object.fromEntries(found) },
    loadAverageBefore: Number((loadavg()[0] ?? 0).toFixed(1)),
  };
}

function versionIn(text: string): string | undefined {
  return /\d+\.\d+(\.\d+)?/.exec(text)?.[0];
}

/** Of the sources; nothing where they are no repository. */
function commitOf(): { commit?: string } {
  const options = { cwd: import.meta.dirname, encoding: 'utf8' } as const;
  const { status, stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], options);
  return status === 0 ? { commit: stdout.trim() } : {};
}
