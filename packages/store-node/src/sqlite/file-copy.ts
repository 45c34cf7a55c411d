/**
 * Copies a database file as it is at one commit, while reads and writes go on. All that was committed goes
 * over to the file first, and then it is left alone (wal.ts): so it can be copied like any file, in large
 * pieces and off the thread that writes. By SQLite's own copying each page would be looked up, written and
 * synced by that thread, which is left for when the file can't be held.
 */
import { Buffer } from 'node:buffer';
import { closeSync, fstatSync, openSync, read } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Wal } from './wal.ts';

const pieceBytes = 1024 * 1024;
const readPiece = promisify(read);

export class FileCopy {
  readonly #file: string;
  readonly #wal: Wal;
  #descriptor: number | undefined;

  constructor(file: string, wal: Wal) {
    this.#file = file;
    this.#wal = wal;
  }

  /** Whether it was done; otherwise the file could not be left alone for so long, and `to` is not there. */
  async copy(to: string): Promise<boolean> {
    const hold = await this.#wal.hold();
    if (!hold) return false;
    try {
      await this.#copyAll(to, () => hold.isLost);
    } finally {
      this.#wal.release(hold);
    }
    if (hold.isLost) await rm(to);
    return !hold.isLost;
  }

  async #copyAll(to: string, isLost: () => boolean): Promise<void> {
    // Kept open: closing it would take SQLite's locks on the file away, which are of the whole process.
    this.#descriptor ??= openSync(this.#file, 'r');
    const { size } = fstatSync(this.#descriptor);
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size));
    const copy = await open(to, 'w');
    try {
      for (let at = 0; at < size && !isLost(); ) {
        const { bytesRead } = await readPiece(this.#descriptor, piece, 0, piece.length, at);
        if (bytesRead === 0) throw new Error('The file became shorter while it was copied.');
        await copy.write(piece, 0, bytesRead);
        at += bytesRead;
      }
    } finally {
      await copy.close();
    }
  }

  /** The database is closed. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
