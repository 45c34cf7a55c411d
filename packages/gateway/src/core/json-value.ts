/**
 * JSON values are kept byte for byte, so all that is asked of them here is that they are JSON: UTF-8, well
 * formed, and not nested so deeply that a reader with a recursive parser falls over.
 */
import { Buffer, isUtf8 } from 'node:buffer';
import { jsonDepthMax } from '@driftless/contracts';

export const jsonContentType = 'application/json';

/** Whether a content type promises JSON: `application/json`, `text/json` or `…+json`, with any parameters. */
export function isJsonType(contentType: string): boolean {
  if (contentType === jsonContentType) return true;
  const end = contentType.indexOf(';');
  const media = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  return media === jsonContentType || media === 'text/json' || media.endsWith('+json');
}

/** Whether a content type promises text. */
export function isTextType(contentType: string): boolean {
  return contentType.slice(0, 5).toLowerCase() === 'text/';
}

/** A value as a member of a JSON document, by its content type: JSON goes in as it is stored, unparsed. */
export function valueMember(contentType: string, value: Uint8Array): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  if (isJsonType(contentType)) return `"value":${bytes.toString('utf8')}`;
  if (isTextType(contentType)) return `"value":${JSON.stringify(bytes.toString('utf8'))}`;
  return `"valueBase64":"${bytes.toString('base64')}"`;
}

/** The value that `bytes` hold, or why they hold none. */
export function parseJson(
  bytes: Uint8Array,
  depthMax: number = jsonDepthMax,
): { value: unknown } | { problem: string } {
  if (bytes.length === 0) return { problem: 'The body is empty, which is not JSON.' };
  if (!isUtf8(bytes)) return { problem: 'The body is not UTF-8, so it is not JSON.' };
  if (deeperThan(bytes, depthMax)) return { problem: `The JSON is nested deeper than ${depthMax} levels.` };
  try {
    return { value: JSON.parse(textOf(bytes)) as unknown };
  } catch {
    return { problem: 'The body is not well-formed JSON.' };
  }
}

/** Why `bytes` are not a JSON value, or undefined when they are. */
export function jsonProblem(bytes: Uint8Array): string | undefined {
  const outcome = parseJson(bytes);
  return 'problem' in outcome ? outcome.problem : undefined;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

const quote = 0x22;
const backslash = 0x5c;

/** Counts brackets outside of strings. Bytes that aren't JSON give some answer; the parser judges those. */
function deeperThan(bytes: Uint8Array, depthMax: number): boolean {
  if (bytes.length <= depthMax) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (inString) {
      if (byte === backslash) i += 1;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > depthMax) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return false;
}
