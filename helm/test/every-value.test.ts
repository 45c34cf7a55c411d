/** No value is for nothing: another one renders something else, in one of the cases at least. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cases } from '../src/cases.ts';
import { readValues, type Value } from '../src/docs/values.ts';
import { chart, helmIsThere, template } from './chart.ts';

type Tree = { [name: string]: unknown };
type Path = readonly string[];

const values = readValues(readFileSync(join(chart, 'values.yaml'), 'utf8'));

/** What patterns allow, durations apart. */
const ofPatterns: Record<string, string> = {
  'cluster.name': 'another',
  'nats.jetstream.maxFileStore': '3GB',
  'nats.jetstream.maxMemoryStore': '65MB',
  'observability.prometheus.retention': '16d',
};
const duration = '7s';

/** One that is allowed, and not the present one. */
function another({ path, allowed }: Value, present: unknown): unknown {
  switch (allowed.kind) {
    case 'boolean':
      return !present;
    case 'integer':
    case 'number': {
      const more = Number(present) + 1;
      return allowed.max !== undefined && more > allowed.max ? more - 2 : more;
    }
    case 'choice':
      return allowed.of.find((choice) => choice !== present);
    case 'quantity':
      return '37Gi';
    case 'pattern':
      return ofPatterns[path.join('.')] ?? duration;
    case 'map':
      return { 'example.org_another': 'one' };
    case 'object':
      return path.at(-1) === 'resources' ? { requests: { cpu: '37m' } } : { podAffinity: {} };
    case 'list':
      return { text: ['another.example.org'], integers: [3737], objects: [{ name: 'another' }] }[allowed.of];
    case 'text':
      return 'another';
  }
}

function at(tree: unknown, path: Path): unknown {
  return path.reduce<unknown>((node, name) => (node as Tree | undefined)?.[name], tree);
}

function withValue(tree: Tree, [name = '', ...below]: Path, value: unknown): Tree {
  const under = below.length === 0 ? value : withValue((tree[name] ?? {}) as Tree, below, value);
  return { ...tree, [name]: under };
}

/** How far a case goes along the path. */
function shared(tree: unknown, path: Path): number {
  const end = path.findIndex((_, i) => at(tree, path.slice(0, i + 1)) === undefined);
  return end === -1 ? path.length : end;
}

const rendered = new Map<Tree, string>();

function textOf(tree: Tree): string {
  const known = rendered.get(tree);
  if (known !== undefined) return known;
  const { status, stdout } = template(tree);
  // What is refused says so, which is no rendering.
  const text = status === 0 ? stdout : '';
  rendered.set(tree, text);
  return text;
}

it.skipIf(!helmIsThere)('the same values render the same', () => {
  for (const base of Object.values(cases) as Tree[]) expect(template(base).stdout).toBe(textOf(base));
});

it.skipIf(!helmIsThere).each(values.map((value) => [value.path.join('.'), value] as const))(
  'matters: %s',
  (_, value) => {
    const bases = (Object.values(cases) as Tree[]).toSorted(
      (a, b) => shared(b, value.path) - shared(a, value.path),
    );
    const isSeen = bases.some((base) => {
      const other = another(value, at(base, value.path) ?? value.default);
      const { status, stdout } = template(withValue(base, value.path, other));
      return status === 0 && stdout !== textOf(base);
    });
    expect(isSeen, 'another value renders something else').toBe(true);
  },
);
