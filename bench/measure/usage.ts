/** What processes with their children take, from /proc; nothing is known where there is none. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Charged } from '../targets/target.ts';

/** Linux counts in hundredths of a second, whatever the machine (`USER_HZ`). */
const microsPerTick = 10_000;
const kibibyte = 1024;

interface Stat {
  parent: number;
  micros: number;
}

/** So far. */
export interface Usage {
  /** CPU time. */
  micros: number;
  /**
   * To storage, in whole pages, and not counted again while a page waits to be written; NaN where the system
   * does not tell.
   */
  writtenBytes: number;
}

/** A line of /proc/<id>/stat: the name in brackets may hold anything, so fields count from its end. */
export function parseStat(line: string): Stat {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [parent, user, system] = [fields[1], fields[11], fields[12]].map(Number) as [number, number, number];
  return { parent, micros: (user + system) * microsPerTick };
}

/** By name; undefined without /proc. */
export function usageOf(charged: readonly Charged[]): Map<string, Usage> | undefined {
  const stats = readStats();
  if (stats === undefined) return undefined;
  const micros = sumsOf(charged, stats, (pid) => stats.get(pid)?.micros ?? 0);
  const written = sumsOf(charged, stats, (pid) => numberIn(`/proc/${pid}/io`, /^write_bytes: (\d+)/m));
  return new Map(
    [...micros].map(([name, sum]) => [name, { micros: sum, writtenBytes: written.get(name) ?? Number.NaN }]),
  );
}

/** Resident memory by name, bytes; undefined without /proc. */
export function residentOf(charged: readonly Charged[]): Map<string, number> | undefined {
  const stats = readStats();
  if (stats === undefined) return undefined;
  const bytes = (pid: number): number => numberIn(`/proc/${pid}/status`, /^VmRSS:\s+(\d+) kB/m) * kibibyte;
  return sumsOf(charged, stats, bytes);
}

function sumsOf(
  charged: readonly Charged[],
  stats: ReadonlyMap<number, Stat>,
  of: (pid: number) => number,
): Map<string, number> {
  const children = Map.groupBy(stats.keys(), (pid) => stats.get(pid)?.parent ?? 0);
  const withChildren = (pid: number): number =>
    (children.get(pid) ?? []).reduce((sum, child) => sum + withChildren(child), of(pid));
  const sums = new Map<string, number>();
  for (const { name, pid } of charged) sums.set(name, (sums.get(name) ?? 0) + withChildren(pid));
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

/** NaN where the file, or the number, is not there for us. */
function numberIn(path: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(path, 'latin1'))?.[1]);
  } catch {
    return Number.NaN;
  }
}
