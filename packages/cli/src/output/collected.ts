/** An output that keeps what is written to it, for tests. */
import type { Output } from './terminal.ts';

export class Collected implements Output {
  text = '';
  readonly isTTY: boolean;
  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }
  write(part: string | Uint8Array): boolean {
    this.text += Buffer.from(part).toString('utf8');
    return true;
  }
}
