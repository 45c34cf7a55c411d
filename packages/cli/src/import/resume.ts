/**
 * The state file of an import: which records the cluster has acknowledged (or that were rejected), so that an
 * interrupted import goes on instead of starting over. It is replaced as a whole after each batch, never
 * written in place. A state that is behind does no harm: a record that is put twice has the same value.
 *
 * It also says what it belongs to. Going on with another source or another mapping would skip records that
 * were never imported, so that is refused.
 */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { CommandError } from '../output/failure.ts';
import { RangeSet, rangesSchema } from './range-set.ts';

const stateSchema = z.object({
  format: z.literal(1),
  /** Hash over the beginning of the source and the options that decide what a record becomes. */
  identity: z.string(),
  /** Numbers of records, from 0, that need not be sent again. */
  done: rangesSchema,
  acknowledged: z.number().int().min(0),
  rejected: z.number().int().min(0),
});

/** Bytes at the beginning of the source that tell it from another. What is appended later doesn't matter. */
const identityBytesMax = 64 * 1024;

export interface Progress {
  done: RangeSet;
  acknowledged: number;
  rejected: number;
}

export class ResumeFile {
  readonly #path: string;
  readonly #identity: string;
  constructor(path: string, identity: string) {
    this.#path = path;
    this.#identity = identity;
  }

  /**
   * Where the import stands; the beginning when there is no file yet. Throws on a file that isn't its own.
   */
  load(): Progress {
    const text = this.#read();
    if (text === undefined) return { done: new RangeSet(), acknowledged: 0, rejected: 0 };
    const state = stateSchema.safeParse(parseJson(text));
    if (!state.success) {
      throw new CommandError(`${this.#path} is not the state of an import`, {
        hint: 'name another file with --resume, or delete this one to start from the beginning',
      });
    }
    if (state.data.identity !== this.#identity) {
      throw new CommandError(`${this.#path} belongs to another source or to other options`, {
        hint: 'use the same source, format, key and prefix as before, or delete the file to start over',
      });
    }
    const { done, acknowledged, rejected } = state.data;
    return { done: new RangeSet(done), acknowledged, rejected };
  }

  save({ done, acknowledged, rejected }: Progress): void {
    const state = { format: 1, identity: this.#identity, done: done.toRanges(), acknowledged, rejected };
    const temporary = `${this.#path}.${process.pid}.tmp`;
    writeFileSync(temporary, `${JSON.stringify(state)}\n`);
    renameSync(temporary, this.#path);
  }

  #read(): string | undefined {
    try {
      return readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }
}

/** What a state file belongs to. A source on standard input is known by its options only. */
export async function identityOf(path: string | undefined, options: unknown): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(options));
  if (path !== undefined) {
    const file = await open(path);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(identityBytesMax), 0, identityBytesMax, 0);
      // A short file may grow from run to run; its first line stays.
      const head = buffer.subarray(0, bytesRead);
      const end = bytesRead < identityBytesMax ? head.indexOf('\n') + 1 || bytesRead : bytesRead;
      hash.update(head.subarray(0, end));
    } finally {
      await file.close();
    }
  }
  return hash.digest('hex').slice(0, 32);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
