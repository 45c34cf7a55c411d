/**
 * From a record of the source to an operation. Without options a record is `{key, value}`; with a key field
 * or a key template, the record as a whole is the value and its key is made from its fields:
 *
 *     --key id                              {"id":7,"name":"Oslo"}  →  7
 *     --key-template 'city/{country}/{#}'   {"country":"NO", …}     →  city/NO/<number of the record>
 */
import { type BatchOperation, batchOperationSchema, keyProblem, valueBytesMax } from '@driftless/contracts';

export interface MappingOptions {
  keyField?: string | undefined;
  keyTemplate?: string | undefined;
  /** Put before every key. */
  prefix?: string | undefined;
  /** Time to live for rows that don't say, in seconds. */
  ttlSeconds?: number | undefined;
}

export type PutOperation = Extract<BatchOperation, { op: 'put' }>;
export type Mapped = { operation: PutOperation; bytes: number } | { problem: string };
/** `number` counts the source's records from 1. */
export type Mapper = (record: Record<string, unknown>, number: number) => Mapped;

export function mapperOf({ keyField, keyTemplate, prefix = '', ttlSeconds }: MappingOptions): Mapper {
  const keyOf = keyTemplate !== undefined ? templateKey(keyTemplate) : fieldKey(keyField ?? 'key');
  const whole = keyTemplate !== undefined || keyField !== undefined;
  return (record, number) => {
    const made = keyOf(record, number);
    if (typeof made !== 'string') return made;
    const key = prefix + made;
    const problem = keyProblem(key);
    if (problem !== undefined) return { problem: lowerFirst(problem) };
    const plain = ttlSeconds === undefined ? plainPut(key, record, whole) : undefined;
    if (plain !== undefined) return sized(plain);
    const put = whole ? { op: 'put', key, value: record } : { op: 'put', ...record, key };
    return check({ ...(ttlSeconds !== undefined && { ttl: ttlSeconds }), ...put });
  };
}

function check(put: Record<string, unknown>): Mapped {
  const parsed = batchOperationSchema.safeParse(put);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.length ? ` at "${issue.path.join('.')}"` : '';
    return { problem: `${lowerFirst(issue?.message ?? 'the record is not an operation')}${where}` };
  }
  const operation = parsed.data as PutOperation;
  if ((operation.value === undefined) === (operation.valueBase64 === undefined)) {
    return { problem: 'the record has not exactly one of "value" and "valueBase64"' };
  }
  return sized(operation);
}

/** What most records are: a value and no more. Then the schema has nothing to say. */
function plainPut(key: string, record: Record<string, unknown>, whole: boolean): PutOperation | undefined {
  if (whole) return isJson(record) ? { op: 'put', key, value: record as Json } : undefined;
  for (const name in record) if (name !== 'key' && name !== 'value') return undefined;
  const { value } = record;
  return isJson(value) ? { op: 'put', key, value } : undefined;
}

type Json = NonNullable<PutOperation['value']> | null;

/** Of what came out of a parser: numbers that JSON can't carry come of `1e999`. */
function isJson(value: unknown): value is Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      return value === null || Object.values(value).every(isJson);
    default:
      return false;
  }
}

function sized(operation: PutOperation): Mapped {
  const bytes = valueBytes(operation);
  if (bytes > valueBytesMax)
    return { problem: `the value has ${bytes} bytes; the limit is ${valueBytesMax}` };
  return { operation, bytes };
}

/** Size of the value as it travels, for cutting batches; near enough for both encodings. */
function valueBytes({ value, valueBase64 }: PutOperation): number {
  if (valueBase64 !== undefined) return Math.floor((valueBase64.length * 3) / 4);
  return Buffer.byteLength(JSON.stringify(value));
}

type KeyOf = (record: Record<string, unknown>, number: number) => string | { problem: string };

function fieldKey(field: string): KeyOf {
  return (record) => fieldText(record, field);
}

const placeholder = /\{([^{}]+)\}/g;

function templateKey(template: string): KeyOf {
  return (record, number) => {
    let problem: string | undefined;
    const key = template.replace(placeholder, (_all, field: string) => {
      if (field === '#') return String(number);
      const text = fieldText(record, field);
      if (typeof text === 'string') return text;
      problem ??= text.problem;
      return '';
    });
    return problem === undefined ? key : { problem };
  };
}

function fieldText(record: Record<string, unknown>, field: string): string | { problem: string } {
  const value = Object.hasOwn(record, field) ? record[field] : undefined;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  return { problem: `the field "${field}", which the key is made of, is missing or not a plain value` };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
