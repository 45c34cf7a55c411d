/**
 * Configuration: one zod object a process, read from the environment.
 *
 * A field is declared once, with its type, limits, default, description and unit, and everything else
 * follows from that: the name of its environment variable, the message when it is wrong, and its row in
 * the generated docs table. Environment values are text, so this file turns text into what the field
 * expects *strictly* (`"12x"` is no number, `"false"` is false), and leaves all judging to zod. We do not
 * rely on `z.coerce`, which takes `""` for 0 and `"false"` for true.
 *
 * An empty variable counts as unset: Compose files and shells produce those for what nobody chose.
 *
 * Instead of a value, a variable whose name ends with `_FILE` may name a file that holds it: engines hand
 * secrets to processes as files, where no listing of the environment shows them.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

export interface LoadConfigOptions<Input> {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What every variable starts with. Default `DRIFTLESS_`. */
  readonly prefix?: string | undefined;
  /** Values that win over the environment: command-line options, tests. An `undefined` one is not there. */
  readonly overrides?: { readonly [Key in keyof Input]?: Input[Key] | undefined } | undefined;
}

/** One row of the generated configuration table. */
export interface ConfigRow {
  readonly env: string;
  readonly key: string;
  /** As text; undefined where a value has to be given. */
  readonly default: string | undefined;
  readonly unit: string | undefined;
  readonly description: string;
  /** For a person: "a whole number from 1 to 65535". */
  readonly allowed: string;
}

/** The configuration is wrong. The message is all that a person needs; a process prints it and exits 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config_invalid';
  /** The environment variables at fault. */
  readonly envKeys: readonly string[];

  constructor(message: string, envKeys: readonly string[]) {
    super(message);
    this.envKeys = envKeys;
  }
}

const DEFAULT_PREFIX = 'DRIFTLESS_';
const FILE_SUFFIX = '_FILE';
const SHOWN_VALUE_CHARS_MAX = 80;

/** Reads, checks and returns the configuration. Throws {@link ConfigError} that names every bad key. */
export function loadConfig<Schema extends z.ZodObject>(
  schema: Schema,
  { env, prefix = DEFAULT_PREFIX, overrides = {} }: LoadConfigOptions<z.input<Schema>>,
): z.output<Schema> {
  const given: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(schema.shape)) {
    const override = (overrides as Record<string, unknown>)[key];
    const text = textOfVariable(envName(key, prefix), env);
    if (override !== undefined) given[key] = override;
    else if (text !== undefined && text !== '') given[key] = fromText(text, field as z.ZodType);
  }
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw configError(parsed.error, schema, given, prefix);
}

/** The rows of the configuration table of a process, in the order of declaration. */
export function describeConfig(schema: z.ZodObject, prefix: string = DEFAULT_PREFIX): ConfigRow[] {
  return Object.entries(schema.shape).map(([key, value]) => {
    const field = value as z.ZodType;
    const meta = metaOf(field);
    return {
      env: envName(key, prefix),
      key,
      default: defaultOf(field),
      unit: meta.unit,
      description: meta.description ?? '',
      allowed: allowedOf(field),
    };
  });
}

/** What a variable says, or the file that it names; a file's last line break is none of it. */
function textOfVariable(name: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const file = env[name + FILE_SUFFIX];
  if (!file) return env[name];
  if (env[name]) throw new ConfigError(`${name} and ${name + FILE_SUFFIX} are both set`, [name]);
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const message = `${name + FILE_SUFFIX} names ${file}, which cannot be read: ${reason}`;
    throw new ConfigError(message, [name + FILE_SUFFIX]);
  }
}

/** `leaseTtlMs` → `DRIFTLESS_LEASE_TTL_MS`, `natsURL` → `DRIFTLESS_NATS_URL`. */
function envName(key: string, prefix: string): string {
  const words = key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z])([A-Z][a-z])/g, '$1_$2');
  return prefix + words.toUpperCase();
}

/** Text → what the field's base type expects. What cannot be read stays text, for zod to refuse. */
function fromText(text: string, field: z.ZodType): unknown {
  const base = unwrap(field);
  const trimmed = text.trim();
  if (base instanceof z.ZodNumber) return numberFromText(trimmed) ?? text;
  if (base instanceof z.ZodBoolean) return booleanFromText(trimmed) ?? text;
  if (base instanceof z.ZodLiteral)
    return [...base.values].find((value) => String(value) === trimmed) ?? text;
  if (base instanceof z.ZodUnion) {
    const readings = (base.options as z.ZodType[]).map((option) => ({
      option,
      value: fromText(text, option),
    }));
    return readings.find(({ option, value }) => option.safeParse(value).success)?.value ?? text;
  }
  if (base instanceof z.ZodArray) {
    const parts = trimmed.split(',').map((part) => part.trim());
    return parts.filter((part) => part !== '').map((part) => fromText(part, base.element as z.ZodType));
  }
  return text;
}

/** Decimal only: no hexadecimal, no blanks, no `Infinity`. */
function numberFromText(text: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

function booleanFromText(text: string): boolean | undefined {
  if (/^(true|1|yes|on)$/i.test(text)) return true;
  if (/^(false|0|no|off)$/i.test(text)) return false;
  return undefined;
}

/** The type under `.default()`, `.optional()`, `.transform()` and the like. */
function unwrap(field: z.ZodType): z.ZodType {
  const inner = innerOf(field);
  return inner === undefined ? field : unwrap(inner);
}

function innerOf(field: z.ZodType): z.ZodType | undefined {
  const def = field.def as { innerType?: z.ZodType; in?: z.ZodType };
  return def.innerType ?? def.in;
}

/** Description and unit, wherever in the chain they were attached; the outermost wins. */
function metaOf(field: z.ZodType): { description?: string | undefined; unit?: string | undefined } {
  const inner = innerOf(field);
  const own = field.meta() as { description?: string; unit?: string } | undefined;
  return { ...(inner === undefined ? {} : metaOf(inner)), ...own };
}

function defaultOf(field: z.ZodType): string | undefined {
  if (field instanceof z.ZodDefault) return textOf(field.def.defaultValue);
  if (field instanceof z.ZodOptional) return '(unset)';
  const inner = innerOf(field);
  return inner === undefined ? undefined : defaultOf(inner);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.map(textOf).join(',') : JSON.stringify(value);
}

interface FieldShape {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly format?: string;
  readonly pattern?: string;
  readonly items?: FieldShape;
  readonly anyOf?: readonly FieldShape[];
}

/** What a field allows, in words, from its JSON schema: the one description of limits that zod gives us. */
function allowedOf(field: z.ZodType): string {
  return inWords(z.toJSONSchema(unwrap(field), { unrepresentable: 'any', io: 'input' }) as FieldShape);
}

function inWords(shape: FieldShape): string {
  if (shape.enum !== undefined) return `one of ${shape.enum.map(textOf).join(', ')}`;
  if (shape.const !== undefined) return textOf(shape.const);
  if (shape.anyOf !== undefined) return shape.anyOf.map(inWords).join(' or ');
  if (shape.type === 'boolean') return 'true or false';
  if (shape.type === 'array') return `a comma-separated list, each ${inWords(shape.items ?? {})}`;
  if (shape.type === 'integer') return `a whole number${rangeInWords(shape)}`;
  if (shape.type === 'number') return `a number${rangeInWords(shape)}`;
  if (shape.format !== undefined) return shape.format === 'uri' ? 'a URL' : `a ${shape.format}`;
  if (shape.pattern !== undefined) return `text that matches ${shape.pattern}`;
  if (shape.maxLength !== undefined) return `${shape.minLength ?? 0} to ${shape.maxLength} characters`;
  return shape.minLength === undefined ? 'text' : 'text that is not empty';
}

function rangeInWords({ minimum, exclusiveMinimum, maximum }: FieldShape): string {
  const low = minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? undefined : `${minimum}`;
  const high = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : `${maximum}`;
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`;
  if (low !== undefined) return `, at least ${low}`;
  if (exclusiveMinimum !== undefined)
    return ` greater than ${exclusiveMinimum}${high ? `, at most ${high}` : ''}`;
  return high === undefined ? '' : `, at most ${high}`;
}

function configError(
  error: z.ZodError,
  schema: z.ZodObject,
  given: Record<string, unknown>,
  prefix: string,
): ConfigError {
  const lines = new Map<string, string>();
  for (const issue of error.issues) {
    const key = issue.path.length === 0 ? undefined : String(issue.path[0]);
    if (key === undefined) lines.set(`(${lines.size})`, issue.message);
    else if (!lines.has(envName(key, prefix))) lines.set(envName(key, prefix), lineOf(key, issue.message));
  }
  const envKeys = [...lines.keys()].filter((key) => !key.startsWith('('));
  return new ConfigError([...lines.values()].join('\n'), envKeys);

  function lineOf(key: string, message: string): string {
    const field = schema.shape[key] as z.ZodType;
    const name = envName(key, prefix);
    if (!(key in given)) return `${name} is not set; allowed: ${allowedOf(field)}`;
    // A message that a schema's author wrote (in a refinement) says more than the shape of the field.
    const allowed = message.startsWith('Invalid') || message.startsWith('Too') ? allowedOf(field) : message;
    return `${name} is ${shown(key, given[key])}; allowed: ${allowed}`;
  }
}

function shown(key: string, value: unknown): string {
  if (/pass|secret|token|cred|sessionKey/i.test(key)) return '(hidden)';
  const text = JSON.stringify(value);
  return text.length <= SHOWN_VALUE_CHARS_MAX ? text : `${text.slice(0, SHOWN_VALUE_CHARS_MAX)}…`;
}
