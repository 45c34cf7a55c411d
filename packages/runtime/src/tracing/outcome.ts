/** How a span ends that was asked for something. */
import { type ErrorCode, errorKind } from '@driftless/contracts';
import type { TraceSpan } from './tracing.ts';

/** A span fails where we failed; what its asker got wrong, or what isn't there, is told and no failure. */
export function tellOutcome(span: TraceSpan, code: ErrorCode | undefined): void {
  if (code === undefined) return;
  if (errorKind(code).status >= 500) span.fail(code);
  else span.set({ 'error.type': code });
}
