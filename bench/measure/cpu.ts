/** CPU time of processes with their children, from /proc; nothing is known where there is none. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Charged } from '../targets/target.ts';

/** Linux counts in hundredths of a second, whatever the machine (`USER_HZ`). */
const microsPerTick = 10_000;

interface Stat {
  parent: number;
  micros: number;
}

/** A line of /proc/<id>/stat: the name in brackets may hold anything, so fields count from its end. */
export function parseStat(line: string): Stat {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [parent, user, system] = [fields[1], fields[11], fields[12]].map(Number) as [number, number, number];
  return { parent, micros: (user + system) * microsPerTick };
}

/** CPU time so far by name; undefined without /proc. */
export function cpuOf(charged: readonly Charged[]): Map<string, number> | undefined {
  const stats = readStats();
  if (stats === undefined) return undefined;
  const children = Map.groupBy(stats.keys(), (pid) => stats.get(pid)?.parent ?? 0);
  const micros = (pid: number): number =>
    (children.get(pid) ?? []).reduce((sum, child) => sum + micros(child), stats.get(pid)?.micros ?? 0);
  const sums = new Map<string, number>();
  for (const { name, pid } of charged) sums.set(name, (sums.get(name) ?? 0) + micros(pid));
  return sums;
}

function readStats(): Map<number, Stat> | undefined {
  if (process.platform !== 'linux') return undefined;
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      stats.set(Number(name), parseStat(readFileSync(`/proc/${name}/stat`, 'latin1')));
    } catch {
      // It has ended since the folder was listed.
    }
  }
  return stats;
}
