/**
 * When the changes in an event stream were committed, out of chunks that end anywhere. It looks for that
 * member of the data and for nothing else: whoever plays thousands of watchers has no time to read more.
 */
const mark = Buffer.from('"committedAt":"');
/** As `toISOString` writes it. */
const timeChars = 24;

export class EventScanner {
  /** The end of the last chunk, where a member may have begun. */
  #rest: Buffer = Buffer.alloc(0);
  /** Changes that are committed together come together. */
  #last = { text: '', ms: Number.NaN };

  /** Of the changes that are whole with this chunk; it may be written over afterwards. */
  read(chunk: Buffer): number[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const found: number[] = [];
    let from = 0;
    for (;;) {
      const at = bytes.indexOf(mark, from);
      const end = at + mark.length + timeChars;
      if (at < 0 || end > bytes.length) break;
      found.push(this.#timeOf(bytes.toString('latin1', end - timeChars, end)));
      from = end;
    }
    const restBytesMax = mark.length + timeChars - 1;
    this.#rest = Buffer.from(bytes.subarray(Math.max(from, bytes.length - restBytesMax)));
    return found;
  }

  #timeOf(text: string): number {
    if (text !== this.#last.text) this.#last = { text, ms: Date.parse(text) };
    return this.#last.ms;
  }
}
