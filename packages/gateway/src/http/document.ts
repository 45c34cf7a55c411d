/** JSON documents of requests against their schemas. */
import { DriftlessError } from '@driftless/contracts';
import type { z } from 'zod';

/** What a schema makes of a document. Throws `bad-request` that names the first member at fault. */
export function parseDocument<Schema extends z.ZodType>(schema: Schema, document: unknown): z.output<Schema> {
  const outcome = schema.safeParse(document);
  if (outcome.success) return outcome.data;
  const issue = outcome.error.issues[0];
  const path = issue?.path.map(String).join('.');
  throw new DriftlessError('bad-request', `${path || 'The body'}: ${issue?.message ?? 'not valid'}.`);
}
