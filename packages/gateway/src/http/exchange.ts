/** What all routes share: reading levels, bodies and keys off a request, and saying who answered. */
import { Buffer } from 'node:buffer';
import {
  type AckLevel,
  ackLevelDefault,
  ackLevelSchema,
  answerHeaders,
  contentTypeCharsMax,
  DriftlessError,
  formatPosition,
  type Position,
  readLevelDefault,
  readLevelSchema,
  type Standing,
  stalenessMsMax,
} from '@driftless/contracts';
import type { PlainReply, PlainRequest } from '@driftless/runtime';
import { entityTag } from '../core/conditions.ts';
import { isJsonType, jsonContentType, parseJson } from '../core/json-value.ts';
import { choiceParameter, integerParameter } from '../core/target.ts';
import type { AskedFreshness } from '../hop/store.ts';

/** What routes need of a request: the framework's has it, and so has a plain one (plain.ts). */
export type Asking = PlainRequest;

/** What they need of its answer. */
export type Answering = PlainReply;

/** Of the documents that routes answer. */
export const answerContentType = 'application/json; charset=utf-8';

export function ackOf(text: string | undefined): AckLevel {
  return text === undefined ? ackLevelDefault : choiceParameter('ack', text, ackLevelSchema.options);
}

const freshnessByDefault: AskedFreshness = { level: readLevelDefault };

export function freshnessOf(query: { consistency?: string; maxStalenessMs?: string }): AskedFreshness {
  const { consistency, maxStalenessMs } = query;
  if (consistency === undefined && maxStalenessMs === undefined) return freshnessByDefault;
  const level = choiceParameter('consistency', consistency ?? readLevelDefault, readLevelSchema.options);
  if ((level === 'bounded') !== (maxStalenessMs !== undefined)) {
    throw new DriftlessError('invalid-parameter', 'consistency=bounded and maxStalenessMs go together.', {
      hint: 'For example: ?consistency=bounded&maxStalenessMs=1000',
    });
  }
  if (maxStalenessMs === undefined) return { level };
  return { level, maxStalenessMs: integerParameter('maxStalenessMs', maxStalenessMs, 0, stalenessMsMax) };
}

const noBytes = new Uint8Array(0);

/** The body's bytes; the parser of these routes gives them as they came. */
export function bytesOf(request: Asking): Uint8Array {
  return Buffer.isBuffer(request.body) ? request.body : noBytes;
}

const mediaTypePattern = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+[ \t]*(;[\t -~]*)?$/;

/** Content type of a value: it has to be one, since it goes back as a header. Throws on what isn't. */
export function checkedContentType(text: string): string {
  if (text === jsonContentType) return text;
  if (text.length <= contentTypeCharsMax && mediaTypePattern.test(text)) return text;
  const detail = `Content-Type is a media type of at most ${contentTypeCharsMax} characters of ASCII.`;
  throw new DriftlessError('unsupported-media-type', detail);
}

/** A value is kept as its bytes are; what a `Content-Encoding` says would be lost. */
export function refuseEncoding(request: Asking): void {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return;
  const hint = 'Send the value as it is, or give the compressed form its own media type.';
  throw new DriftlessError('unsupported-media-type', 'Bodies with a Content-Encoding are not taken.', {
    hint,
  });
}

/** The JSON document of a request. Throws `unsupported-media-type` or `bad-request`. */
export function documentOf(request: Asking, depthMax: number): unknown {
  refuseEncoding(request);
  const contentType = request.headers['content-type'];
  if (contentType !== undefined && !isJsonType(contentType)) {
    throw new DriftlessError('unsupported-media-type', `Send the body as ${jsonContentType}.`);
  }
  const outcome = parseJson(bytesOf(request), depthMax);
  if ('problem' in outcome) throw new DriftlessError('bad-request', outcome.problem);
  return outcome.value;
}

/** Headers of an answer out of a replica. Lag that isn't known is absent. */
export function tellStanding(reply: Answering, node: string, standing: Standing | undefined): void {
  reply.header(answerHeaders.node, node);
  if (standing === undefined) return;
  reply.header(answerHeaders.position, formatPosition(standing.position));
  if (standing.lagMs !== undefined) reply.header(answerHeaders.lagMs, Math.round(standing.lagMs));
  if (standing.lagOps !== undefined) reply.header(answerHeaders.lagOps, standing.lagOps);
}

/** Headers of an answer of a leader to a write: it has no lag. */
export function tellWritten(
  reply: Answering,
  { node, position }: { node?: string | undefined; position?: Position | undefined },
  version: string | undefined,
): void {
  if (version !== undefined) reply.header('etag', entityTag(version));
  if (node === undefined || position === undefined) return;
  reply.header(answerHeaders.node, node);
  reply.header(answerHeaders.position, formatPosition(position));
  reply.header(answerHeaders.lagMs, 0);
  reply.header(answerHeaders.lagOps, 0);
}
