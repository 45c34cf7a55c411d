/** A small disk that can be filled: a tmpfs over a directory. Needs Linux and root. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const chunk = Buffer.alloc(64 * 1024);

export class SmallDisk {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static mount(path: string, bytes: number): SmallDisk {
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path]);
    return new SmallDisk(path);
  }

  /** Leaves not a byte free. */
  fill(): void {
    const file = openSync(this.#ballast, 'w');
    try {
      for (let size = chunk.length; size > 0; ) size = this.#written(file, size);
    } finally {
      closeSync(file);
    }
  }

  /** Smaller and smaller pieces, until nothing fits. */
  #written(file: number, size: number): number {
    try {
      return writeSync(file, chunk, 0, size) > 0 ? size : Math.floor(size / 2);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      return Math.floor(size / 2);
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  unmount(): void {
    execFileSync('umount', ['--lazy', this.#path]);
  }

  get #ballast(): string {
    return join(this.#path, 'ballast');
  }
}
