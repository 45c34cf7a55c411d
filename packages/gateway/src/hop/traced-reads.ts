/** Reads on their way to a node: those that are traced have a span for it, which the node is told. */
import type { ErrorCode, HopRead } from '@driftless/contracts';
import { type TraceSpan, tellOutcome } from '@driftless/runtime';

export interface AskedRead {
  read: HopRead;
  /** Of the request, where it is traced. */
  span: TraceSpan | undefined;
}

type Outcome = { type: 'failed'; code: ErrorCode } | { type: 'found' | 'missing' };

/** The reads as they go out; `arrived`, absent where none is traced, is to be called with their outcomes. */
export function onTheirWay(
  asked: readonly AskedRead[],
  node: string,
): { reads: HopRead[]; arrived?: (outcomes: readonly Outcome[]) => void } {
  const reads = asked.map(({ read }) => read);
  if (asked.every(({ span }) => span === undefined)) return { reads };
  const hops = asked.map(({ read, span }) => {
    const attributes = { 'driftless.node': node, 'driftless.shard': read.shard };
    return span?.child('hop read', { role: 'client', attributes });
  });
  return {
    reads: reads.map((read, i) => {
      const hop = hops[i];
      return hop ? { ...read, traceparent: hop.traceparent } : read;
    }),
    arrived(outcomes) {
      for (const [i, hop] of hops.entries()) {
        const outcome = outcomes[i];
        if (hop && outcome?.type === 'failed') tellOutcome(hop, outcome.code);
        hop?.end();
      }
    },
  };
}
