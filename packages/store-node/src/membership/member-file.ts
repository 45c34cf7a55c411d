/**
 * Port: where a node keeps the list of members (contracts/membership.ts). Adapters: a file that is replaced
 * as a whole, and one in memory for tests and the simulator.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type MemberList, memberFileSchema } from '@driftless/contracts';

export interface MemberFile {
  /** Undefined in the first life of a node. Throws when what is there can't be read. */
  load(): MemberList | undefined;
  /** On disk when it returns. */
  save(list: MemberList): void;
}

export class DiskMemberFile implements MemberFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  load(): MemberList | undefined {
    try {
      return memberFileSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).members;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new Error(`${this.#path} is not a list of members.`, { cause: error });
    }
  }

  save(members: MemberList): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    const written = `${this.#path}.tmp`;
    const file = openSync(written, 'w');
    try {
      writeSync(file, `${JSON.stringify({ format: 1, members }, null, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(written, this.#path);
    syncDirectory(dirname(this.#path));
  }
}

/** Without this the rename itself may be lost with the power. */
function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

export class MemoryMemberFile implements MemberFile {
  #list: MemberList | undefined;

  load(): MemberList | undefined {
    return this.#list;
  }

  save(list: MemberList): void {
    this.#list = list;
  }
}
