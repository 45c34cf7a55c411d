/**
 * Reading Server-Sent Events (WHATWG HTML, section 9.2.6) out of chunks that end anywhere. An event is
 * given once its blank line is there: what a broken connection left half done is dropped, and comes again
 * after a resume.
 */

export interface StreamEvent {
  /** `message` when the event doesn't say. */
  type: string;
  /** Empty when the event only moves the id. */
  data: string;
  /** Of this event, or the last one before it; empty before the first. */
  id: string;
}

export class EventStreamReader {
  readonly #decoder = new TextDecoder();
  #rest = '';
  #id = '';
  #type = '';
  #data: string[] = [];
  /** The present event has a field that counts. */
  #begun = false;

  /** Events that are whole with this chunk. */
  read(chunk: Uint8Array): StreamEvent[] {
    const text = this.#rest + this.#decoder.decode(chunk, { stream: true });
    // A CR at the end may be half of a CRLF.
    const end = text.endsWith('\r') ? text.length - 1 : text.length;
    const lines = text.slice(0, end).split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() as string) + text.slice(end);
    return lines.flatMap((line) => this.#line(line) ?? []);
  }

  #line(line: string): StreamEvent | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'event') this.#type = value;
    else if (name === 'data') this.#data.push(value);
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else return undefined;
    this.#begun = true;
    return undefined;
  }

  #dispatch(): StreamEvent | undefined {
    if (!this.#begun) return undefined;
    const event = { type: this.#type || 'message', data: this.#data.join('\n'), id: this.#id };
    this.#type = '';
    this.#data = [];
    this.#begun = false;
    return event;
  }
}
