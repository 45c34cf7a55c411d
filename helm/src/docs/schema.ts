/** values.schema.json, which helm holds against what an operator sets, before it renders anything. */
import type { Allowed, Value } from './values.ts';

type Schema = Record<string, unknown>;

/** What Kubernetes takes for an amount of memory or disk. */
const quantity = '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$';

export function schemaOf(values: readonly Value[]): Schema {
  const root = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Values of the chart driftless',
    // Helm's own, for a chart that has this one in it.
    ...objectOf(values, 0, { global: { type: 'object' } }),
  };
  return root;
}

function objectOf(values: readonly Value[], depth: number, more: Schema = {}): Schema {
  const names = [...new Set(values.map(({ path }) => path[depth] as string))];
  const properties = names.map((name) => {
    const below = values.filter(({ path }) => path[depth] === name);
    const [own] = below.filter(({ path }) => path.length === depth + 1);
    return [name, own === undefined ? objectOf(below, depth + 1) : leafOf(own)] as const;
  });
  return {
    type: 'object',
    additionalProperties: false,
    properties: { ...Object.fromEntries(properties), ...more },
  };
}

function leafOf({ says, default: value, allowed }: Value): Schema {
  return { description: says, default: value, ...typeOf(allowed) };
}

function typeOf(allowed: Allowed): Schema {
  switch (allowed.kind) {
    case 'text':
      return { type: 'string' };
    case 'boolean':
    case 'object':
      return { type: allowed.kind };
    case 'quantity':
      return { type: 'string', pattern: quantity };
    case 'pattern':
      return { type: 'string', pattern: allowed.pattern };
    case 'choice':
      return { enum: allowed.of };
    case 'integer':
    case 'number': {
      const { kind, min, max } = allowed;
      return {
        type: kind,
        ...(min !== undefined && { minimum: min }),
        ...(max !== undefined && { maximum: max }),
      };
    }
    case 'map':
      return { type: 'object', additionalProperties: { type: 'string' } };
    case 'list': {
      const types = { text: 'string', integers: 'integer', objects: 'object' };
      return { type: 'array', items: { type: types[allowed.of] } };
    }
  }
}
