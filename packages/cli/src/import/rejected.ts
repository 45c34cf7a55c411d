/**
 * The file of rows that are not in the cluster: a JSON object a line with line number, reason and the row as
 * it stood, so that rows can be mended and imported again (`jq -r .row`). It is made when the first one
 * comes, and only ever appended to: a resumed import keeps what an earlier run found.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { printable } from '../output/terminal.ts';
import type { Rejection } from './engine.ts';

/** Rows that are also named on the terminal. */
const namedMax = 20;

export class RejectedFile {
  readonly path: string;
  #file: number | undefined;
  #count = 0;
  constructor(path: string) {
    this.path = path;
  }

  add({ row, reason }: Rejection, say: (text: string) => void): void {
    this.#file ??= openSync(this.path, 'a');
    writeSync(this.#file, `${JSON.stringify({ line: row.line, reason, row: row.raw })}\n`);
    this.#count += 1;
    if (this.#count <= namedMax) say(`line ${row.line}: ${printable(reason)}`);
    if (this.#count === namedMax) say(`further rejected rows are named in ${this.path} only`);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}
