/** The headers of the hop's hot requests (hop.ts): as their schemas take them, what is plain by plain.ts. */
import {
  type HopRead,
  type ReadHeader,
  readHeaderSchema,
  readSchema,
  type WriteHeader,
  type WriteOperation,
  writeHeaderSchema,
  writeOperationSchema,
} from './hop.ts';
import { ackLevelSchema, readLevelSchema } from './levels.ts';
import { hasMembers, isFilled, isText, isWhole } from './plain.ts';

const ackLevels: ReadonlySet<unknown> = new Set(ackLevelSchema.options);
const readLevels: ReadonlySet<unknown> = new Set(readLevelSchema.options);

/** Throws `ZodError`, as the schema does. */
export function writeHeaderOf(raw: unknown): WriteHeader {
  if (!hasMembers(raw, 4)) return writeHeaderSchema.parse(raw);
  const { shard, ack, timeoutMs, operations } = raw;
  const isHeader = isWhole(shard, 0) && ackLevels.has(ack) && isPositive(timeoutMs) && isFilled(operations);
  if (!isHeader) return writeHeaderSchema.parse(raw);
  if (operations.every(isPlainWrite)) return raw as WriteHeader;
  return { ...raw, operations: operations.map(writeOf) } as WriteHeader;
}

/** Throws `ZodError`, as the schema does. */
export function readHeaderOf(raw: unknown): ReadHeader {
  if (!hasMembers(raw, 1) || !isFilled(raw.reads)) return readHeaderSchema.parse(raw);
  if (raw.reads.every(isPlainRead)) return raw as ReadHeader;
  return { reads: raw.reads.map(readOf) };
}

function writeOf(raw: unknown): WriteOperation {
  return isPlainWrite(raw) ? raw : writeOperationSchema.parse(raw);
}

function readOf(raw: unknown): HopRead {
  return isPlainRead(raw) ? raw : readSchema.parse(raw);
}

function isPlainWrite(raw: unknown): raw is WriteOperation {
  if (hasMembers(raw, 4)) {
    return raw.op === 'put' && isText(raw.key, 1) && isWhole(raw.bytes, 0) && isText(raw.type, 0);
  }
  if (hasMembers(raw, 3)) return raw.op === 'increment' && isText(raw.key, 1) && Number.isSafeInteger(raw.by);
  return hasMembers(raw, 2) && raw.op === 'delete' && isText(raw.key, 1);
}

function isPlainRead(raw: unknown): raw is HopRead {
  return hasMembers(raw, 3) && isWhole(raw.shard, 0) && isText(raw.key, 1) && readLevels.has(raw.level);
}

/** What came as JSON is a finite number or none. */
function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
