/**
 * The chart's values.yaml, read as what it is: each value with its default, what its comment says of it, and
 * what is allowed. That stands in brackets at the comment's end where the default doesn't say it:
 *
 *   [integer 1..99]  [number 0..100]  [one of a, b]  [matches ^…$]  [quantity]
 *   [object]  [map of text]  [list of text]  [list of integers]  [list of objects]
 *
 * So the file is the only source of the README's table and of values.schema.json, and a value without a
 * comment is an error.
 */
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

export type Allowed =
  | { readonly kind: 'text' | 'boolean' | 'quantity' | 'object' }
  | { readonly kind: 'integer' | 'number'; readonly min?: number; readonly max?: number }
  | { readonly kind: 'choice'; readonly of: readonly (string | number)[] }
  | { readonly kind: 'pattern'; readonly pattern: string }
  | { readonly kind: 'map' }
  | { readonly kind: 'list'; readonly of: 'text' | 'integers' | 'objects' };

export interface Value {
  readonly path: readonly string[];
  readonly says: string;
  readonly default: unknown;
  readonly allowed: Allowed;
}

/** Every value, in the order of the file. Throws where one has no comment, or brackets that say nothing. */
export function readValues(text: string): Value[] {
  const document = parseDocument(text);
  if (document.errors[0] !== undefined) throw document.errors[0];
  if (!isMap(document.contents)) throw new Error('values.yaml holds no map');
  return valuesIn(document.contents, []);
}

function valuesIn(map: YAMLMap, above: readonly string[]): Value[] {
  return map.items.flatMap((pair, index) => {
    const path = [...above, String(isScalar(pair.key) ? pair.key.value : pair.key)];
    const comment = commentOf(pair, index === 0 ? map.commentBefore : undefined);
    if (comment === undefined) {
      if (isMap(pair.value) && !pair.value.flow && pair.value.items.length > 0)
        return valuesIn(pair.value, path);
      throw new Error(`${path.join('.')} has no comment that says what it is`);
    }
    const [, says = comment, brackets] = /^(.*?)(?:\s*\[(.+)\])?$/s.exec(comment) ?? [];
    const value: unknown = isMap(pair.value) || !isScalar(pair.value) ? plain(pair.value) : pair.value.value;
    if (brackets === undefined && isMap(pair.value) && !pair.value.flow) return valuesIn(pair.value, path);
    const allowed = brackets === undefined ? inferred(value, path) : parsed(brackets, path);
    return [{ path, says, default: value, allowed }];
  });
}

function plain(node: unknown): unknown {
  return (node as { toJSON(): unknown }).toJSON();
}

/** The lines right above it, as one. */
function commentOf({ key }: Pair, ofMap: string | null | undefined): string | undefined {
  const comment = (key as { commentBefore?: string | null }).commentBefore ?? ofMap;
  const paragraph = comment?.split(/\n\s*\n/).pop();
  const text = paragraph
    ?.split('\n')
    .map((line) => line.trim())
    .join(' ')
    .trim();
  return text === '' ? undefined : text;
}

function inferred(value: unknown, path: readonly string[]): Allowed {
  if (typeof value === 'string') return { kind: 'text' };
  if (typeof value === 'boolean') return { kind: 'boolean' };
  throw new Error(`${path.join('.')} does not say in brackets what is allowed`);
}

function parsed(text: string, path: readonly string[]): Allowed {
  const [, list] = /^list of (text|integers|objects)$/.exec(text) ?? [];
  if (list !== undefined) return { kind: 'list', of: list as 'text' };
  const [, choices] = /^one of (.+)$/.exec(text) ?? [];
  if (choices !== undefined) {
    const of = choices.split(', ').map((choice) => (/^\d+$/.test(choice) ? Number(choice) : choice));
    return { kind: 'choice', of };
  }
  const [, kind, min, max] = /^(integer|number) (\d+)\.\.(\d*)$/.exec(text) ?? [];
  if (kind === 'integer' || kind === 'number')
    return { kind, min: Number(min), ...(max !== '' && { max: Number(max) }) };
  const [, pattern] = /^matches (.+)$/.exec(text) ?? [];
  if (pattern !== undefined) return { kind: 'pattern', pattern };
  if (text === 'map of text') return { kind: 'map' };
  if (text === 'object' || text === 'quantity') return { kind: text };
  throw new Error(`${path.join('.')}: nobody knows what [${text}] allows`);
}
