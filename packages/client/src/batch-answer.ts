/**
 * Answers to batches. Those of a thousand operations that were all done are looked through by hand, since a
 * schema copies every result; what is anything else is left to the schema.
 */
import { type BatchAnswer, batchAnswerSchema } from '@driftless/contracts';

/** Throws what the schema throws. */
export function batchAnswerOf(document: unknown): BatchAnswer {
  return isPlain(document) ? document : batchAnswerSchema.parse(document);
}

function isPlain(document: unknown): document is BatchAnswer {
  const { ack, results } = (document ?? {}) as { ack?: unknown; results?: unknown };
  if (!batchAnswerSchema.shape.ack.safeParse(ack).success || !Array.isArray(results)) return false;
  return Object.keys(document as object).length === 2 && results.every(isPlainResult);
}

function isPlainResult(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return false;
  const { status, key } = result as Record<string, unknown>;
  if (!Number.isSafeInteger(status) || typeof key !== 'string') return false;
  for (const name in result) {
    if (name === 'status' || name === 'key') continue;
    if (name !== 'version' || typeof (result as Record<string, unknown>)[name] !== 'string') return false;
  }
  return true;
}
