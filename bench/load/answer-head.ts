/**
 * What the head of an answer says, out of its bytes: no text is made of it, for the load generator shares the
 * cores with what it measures.
 */
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const zero = 0x30;
/** Sets a letter's bit that makes it a small one. */
const small = 0x20;
const length = Buffer.from('content-length:');
const connection = Buffer.from('connection:');
const close = Buffer.from('close');
/** Where the status stands in `HTTP/1.1 200 OK`. */
const statusAt = 9;

/** Read again and again: its fields are of the last head. */
export class AnswerHead {
  status = 0;
  /** Of head and body. */
  bytes = 0;
  /** The server closes the connection after it. */
  closes = false;

  /** False while more of it is to come. Throws on what is no answer with a length. */
  read(received: Uint8Array, end: number): boolean {
    let bodyBytes = -1;
    this.closes = false;
    let from = 0;
    for (let at = 0; at < end; at += 1) {
      if (received[at] !== lineFeed) continue;
      if (at - from === 1 && received[from] === carriageReturn) {
        if (bodyBytes < 0) throw notAnAnswer(received, at);
        this.status = numberAt(received, statusAt);
        if (this.status < 100 || this.status > 999) throw notAnAnswer(received, at);
        this.bytes = at + 1 + bodyBytes;
        return true;
      }
      if (startsWith(received, from, length)) bodyBytes = numberAt(received, from + length.length);
      else if (startsWith(received, from, connection))
        this.closes = startsWith(received, pastSpaces(received, from + connection.length), close);
      from = at + 1;
    }
    return false;
  }
}

function startsWith(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i += 1) {
    const byte = bytes[at + i] as number;
    if (byte !== name[i] && (byte | small) !== name[i]) return false;
  }
  return true;
}

function pastSpaces(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === space) at += 1;
  return at;
}

function numberAt(bytes: Uint8Array, from: number): number {
  let number = 0;
  for (let at = pastSpaces(bytes, from); ; at += 1) {
    const digit = (bytes[at] as number) - zero;
    if (!(digit >= 0 && digit <= 9)) return number;
    number = number * 10 + digit;
  }
}

function notAnAnswer(received: Uint8Array, end: number): Error {
  return new Error(
    `Not an answer with a length:\n${Buffer.from(received.subarray(0, end)).toString('latin1')}`,
  );
}
