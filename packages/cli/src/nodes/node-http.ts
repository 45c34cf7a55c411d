/**
 * Talks to store nodes directly (the hop protocol, contracts/hop.ts), past the gateway: `verify`, `log` and
 * the demo want to know what one particular node holds. Everything that arrives is parsed before it is
 * trusted.
 */
import type { Readable } from 'node:stream';
import {
  DriftlessError,
  type DumpHead,
  type DumpRow,
  decodeFrame,
  dumpHeadSchema,
  dumpRowSchema,
  encodeFrame,
  frameContentType,
  type LogAnswer,
  logAnswerSchema,
  PayloadReader,
  problemSchema,
  type ReadAnswer,
  type ReadHeader,
  readAnswerSchema,
  type ScrubAnswer,
  scrubAnswerSchema,
} from '@driftless/contracts';
import { request } from 'undici';
import type { ZodType } from 'zod';
import { CommandError, failureOf } from '../output/failure.ts';
import { linesOf, textOf } from '../output/lines.ts';

/** A node that says nothing for so long is taken for gone, in milliseconds. */
const silenceMsMax = 30_000;
/**
 * Longest line of a dump: a value of 512 KiB in base64, a key of 512 bytes with every byte escaped, names.
 */
const dumpLineBytesMax = 1024 * 1024;

export interface Dump {
  head: DumpHead;
  /** In key order. Ends early only by throwing. */
  rows: AsyncIterableIterator<DumpRow>;
  /** Lets go of the connection; a dump that isn't read to its end must be closed. */
  close(): void;
}

export async function openDump(url: string, shard: number): Promise<Dump> {
  const body = await call(url, 'GET', `/node/v1/shards/${shard}/dump`);
  const lines = linesOf(body, dumpLineBytesMax);
  const close = (): void => {
    // The error that an aborted body raises is our own doing.
    body.on('error', () => {});
    body.destroy();
  };
  try {
    const first = await lines.next();
    if (first.done) throw new CommandError(`${url} sent an empty dump of shard ${shard}`);
    const head = parseLine(first.value, dumpHeadSchema, url);
    return { head, rows: dumpRows(lines, url), close };
  } catch (error) {
    close();
    throw error;
  }
}

async function* dumpRows(lines: ReturnType<typeof linesOf>, url: string): AsyncGenerator<DumpRow> {
  for await (const line of lines) yield parseLine(line, dumpRowSchema, url);
}

function parseLine<T>(
  line: { number: number; bytes: Buffer; tooLong: boolean },
  schema: ZodType<T>,
  url: string,
): T {
  const text = line.tooLong ? undefined : textOf(line.bytes);
  const parsed = schema.safeParse(text === undefined ? undefined : parseJson(text));
  if (!parsed.success) throw new CommandError(`line ${line.number} of the dump of ${url} cannot be read`);
  return parsed.data;
}

export async function scrub(url: string, shard: number): Promise<ScrubAnswer> {
  const body = await call(url, 'POST', `/node/v1/shards/${shard}/scrub`);
  return scrubAnswerSchema.parse(parseJson(await textOfBody(body)));
}

export interface LogPage extends Omit<LogAnswer, 'events'> {
  /** Sealed batches as the leader wrote them, for `decodeBatch`. */
  events: Uint8Array[];
}

/** Log records after `after`, as many whole ones as fit into `bytes`. */
export async function readLog(url: string, shard: number, after: number, bytes: number): Promise<LogPage> {
  const body = await call(url, 'GET', `/node/v1/shards/${shard}/log?after=${after}&bytes=${bytes}`);
  const frame = decodeFrame(await bytesOfBody(body));
  const { events, ...answer } = logAnswerSchema.parse(frame.header);
  const payloads = new PayloadReader(frame.body);
  return { ...answer, events: events.map((length) => payloads.take(length)) };
}

/** Reads keys from this very node. Values come in the order of the results that were found. */
export async function readAtNode(
  url: string,
  reads: ReadHeader['reads'],
): Promise<ReadAnswer & { values: (Uint8Array | undefined)[] }> {
  const body = await call(url, 'POST', '/node/v1/read', encodeFrame({ reads }, []));
  const frame = decodeFrame(await bytesOfBody(body));
  const answer = readAnswerSchema.parse(frame.header);
  const payloads = new PayloadReader(frame.body);
  const values = answer.results.map((result) => {
    return 'found' in result && result.found ? payloads.take(result.bytes) : undefined;
  });
  return { ...answer, values };
}

async function call(
  base: string,
  method: 'GET' | 'POST',
  path: string,
  frame?: Uint8Array,
): Promise<Readable> {
  const { statusCode, body } = await request(new URL(path, base), {
    method,
    headersTimeout: silenceMsMax,
    bodyTimeout: silenceMsMax,
    ...(frame && { body: frame, headers: { 'content-type': frameContentType } }),
  }).catch((cause: unknown) => {
    const { code, message } = failureOf(cause, `the node at ${base}`);
    throw new CommandError(code === undefined ? message : `${message} (${code})`, { cause });
  });
  if (statusCode >= 200 && statusCode < 300) return body;
  const problem = problemSchema.safeParse(parseJson(await textOfBody(body)));
  if (!problem.success) throw new CommandError(`${base} answered ${statusCode} to ${method} ${path}`);
  const { code, detail, hint } = problem.data;
  throw new DriftlessError(code, detail, { hint });
}

async function bytesOfBody(body: Readable): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

async function textOfBody(body: Readable): Promise<string> {
  return (await bytesOfBody(body)).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
