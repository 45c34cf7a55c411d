/**
 * Requests exactly as written: no library normalises the path, fixes a header or follows anything. `send`
 * uses Node's client, which takes any byte of a path; `sendBytes` writes to the socket what no client would.
 */
import { Buffer } from 'node:buffer';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';

export interface RawRequest {
  method: string;
  /** Request target; each character is a byte. */
  path: string;
  headers?: Record<string, string | string[]>;
  body?: Uint8Array | string;
}

export interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** The body as JSON; undefined when it isn't. */
  json: Record<string, unknown> | undefined;
}

const timeoutMs = 20_000;

export function send(origin: string, { method, path, headers = {}, body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: true });
    const options = { hostname, port, method, path, headers, timeout: timeoutMs, agent };
    const sending = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        agent.destroy();
        const whole = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: whole,
          json: jsonOf(whole),
        });
      });
    });
    sending.on('error', (error) => {
      agent.destroy();
      reject(error);
    });
    sending.on('timeout', () => sending.destroy(new Error('no answer in time')));
    sending.end(body);
  });
}

/** Writes the bytes to a connection and resolves with all that comes back until it closes. */
export function sendBytes(origin: string, bytes: Uint8Array | string): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer in time')));
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(parse(Buffer.concat(chunks))));
  });
}

function parse(bytes: Buffer): RawAnswer {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = bytes.subarray(end + 4);
  return { status: Number(first.split(' ')[1] ?? 0), headers, body, json: jsonOf(body) };
}

function jsonOf(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    return JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
