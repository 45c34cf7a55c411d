/**
 * One `up` a data directory. The lock is a file that names its holder; it holds for as long as that very
 * process lives, so after a kill -9 nobody has to clean up. It appears complete (written beside, then
 * linked, which fails if there is one), and a dead holder's is moved away before ours is linked, looked at
 * once more after the move: if two start at the same moment and one moves the other's, it puts it back.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { CommandError } from '../output/failure.ts';
import { identityOf } from './processes.ts';

const holderSchema = z.object({ pid: z.number().int().positive(), identity: z.string() });
type Holder = z.infer<typeof holderSchema>;

const ATTEMPTS_MAX = 10;

/** Takes the lock; the function it returns gives it back. Throws when another living `up` holds it. */
export function takeLock(path: string): () => void {
  const mine: Holder = { pid: process.pid, identity: identityOf(process.pid) ?? '' };
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(mine));
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (linked(draft, path)) return () => giveBack(path, mine);
      refuseIfHeld(path);
      removeDead(path);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new CommandError(`the lock ${path} changes hands all the time; others start at the same moment`);
}

/** The living holder's pid, if there is one. */
export function lockHolder(path: string): number | undefined {
  const holder = read(path);
  return holder !== undefined && identityOf(holder.pid) === holder.identity ? holder.pid : undefined;
}

function refuseIfHeld(path: string): void {
  const pid = lockHolder(path);
  if (pid === undefined) return;
  throw new CommandError(`"driftless up" is running on this data directory already, as process ${pid}`, {
    hint: `stop it (kill ${pid}), or use another --data-dir with other ports`,
  });
}

function removeDead(path: string): void {
  const aside = `${path}.${process.pid}.dead`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (lockHolder(aside) !== undefined) linked(aside, path);
  rmSync(aside);
}

function giveBack(path: string, mine: Holder): void {
  if (read(path)?.identity === mine.identity) rmSync(path, { force: true });
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(path: string): Holder | undefined {
  try {
    const parsed = holderSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
