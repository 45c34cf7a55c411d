/**
 * Whether a batch is one of plain puts, as imports send them: then the schema, which makes objects and copies
 * for every operation, would say nothing that isn't known already. What is not plain is left to it.
 */
import { type BatchOperation, batchOperationsMax } from '@driftless/contracts';

type PlainPut = Extract<BatchOperation, { op: 'put' }>;

/** The operations of a document of plain puts; undefined for any other. */
export function plainPutsOf(document: unknown): PlainPut[] | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  for (const name in document) if (name !== 'operations') return undefined;
  const { operations } = document as { operations?: unknown };
  if (!Array.isArray(operations)) return undefined;
  if (operations.length === 0 || operations.length > batchOperationsMax) return undefined;
  return operations.every(isPlainPut) ? operations : undefined;
}

/** Of a value that was parsed from JSON, so that any `value` of it is JSON. */
function isPlainPut(operation: unknown): operation is PlainPut {
  if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) return false;
  const { op, key } = operation as Record<string, unknown>;
  if (op !== 'put' || typeof key !== 'string') return false;
  for (const name in operation) {
    switch (name) {
      case 'op':
      case 'key':
      case 'value':
        break;
      case 'valueBase64':
      case 'contentType':
        if (typeof (operation as Record<string, unknown>)[name] !== 'string') return false;
        break;
      default:
        return false;
    }
  }
  return true;
}
