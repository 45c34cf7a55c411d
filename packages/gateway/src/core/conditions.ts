/**
 * `If-Match` and `If-None-Match` (RFC 9110 §13.1): `*`, or a list of entity tags. Our tags are versions
 * (`"3-120"`), and strong. A weak tag never matches in `If-Match`, which compares strongly, and matches like
 * a strong one in `If-None-Match`; a tag that is no version was never given out, so it matches nothing.
 */
import { DriftlessError, parsePosition } from '@driftless/contracts';

/** `*`: any version. A list may be empty: none. */
export type Versions = '*' | string[];

/** Most tags in one list. */
export const entityTagsMax = 64;

const tagPattern = /[ \t]*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?:,|$)/y;

export function parseIfMatch(header: string, name = 'If-Match'): Versions {
  return parseList(header, name, (weak) => !weak);
}

export function parseIfNoneMatch(header: string, name = 'If-None-Match'): Versions {
  return parseList(header, name, () => true);
}

/** What `ETag` says for a version. */
export function entityTag(version: string): string {
  return `"${version}"`;
}

/** Whether a key at `version` (undefined: there is none) is among `versions`. */
export function matches(versions: Versions, version: string | undefined): boolean {
  return version !== undefined && (versions === '*' || versions.includes(version));
}

function parseList(header: string, name: string, counts: (weak: boolean) => boolean): Versions {
  if (header.trim() === '*') return '*';
  const versions: string[] = [];
  tagPattern.lastIndex = 0;
  for (let tags = 0; tagPattern.lastIndex < header.length || tags === 0; tags += 1) {
    const match = tags < entityTagsMax ? tagPattern.exec(header) : null;
    if (match === null) throw malformed(name);
    const version = match[2] as string;
    if (counts(match[1] !== undefined) && parsePosition(version) !== undefined) versions.push(version);
  }
  return versions;
}

function malformed(name: string): DriftlessError {
  const detail = `${name} is * or a list of at most ${entityTagsMax} entity tags in double quotes.`;
  return new DriftlessError('invalid-parameter', detail, { hint: `For example: ${name}: "3-120"` });
}
