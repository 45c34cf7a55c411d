/**
 * What becomes of spans that have ended: counted, so that a collector that is away shows in the metrics, and
 * logged now and then. Their loss is nobody's failure.
 */
import type { Logger } from '../log.ts';
import type { Telemetry } from '../telemetry.ts';

/** Pause between two lines about exports that failed, milliseconds. */
const warnEveryMs = 600_000;

/** `queue-full`: more ended than could be sent. `refused`: the receiver was away, or did not take them. */
export type SpanLoss = 'queue-full' | 'refused';

export interface SpanExports {
  sent(spans: number): void;
  lost(spans: number, why: SpanLoss, error?: Error): void;
}

export function countExports(telemetry: Pick<Telemetry, 'keptCounter'>, logger: Logger): SpanExports {
  const sent = telemetry.keptCounter('trace_spans_sent_total', {
    description: 'Spans that the receiver of traces took',
    unit: 'spans',
  });
  const lost = telemetry.keptCounter('trace_spans_lost_total', {
    description:
      'Spans not sent; queue-full: more ended than could be; refused: by the receiver, or it is away',
    unit: 'spans',
    labels: ['reason'],
  });
  sent.at();
  for (const reason of ['queue-full', 'refused']) lost.at(reason);
  let warnedAt = Number.NEGATIVE_INFINITY;
  return {
    sent: (spans) => sent.at().add(spans),
    lost(spans, reason, error) {
      lost.at(reason).add(spans);
      const now = performance.now();
      if (now - warnedAt < warnEveryMs) return;
      warnedAt = now;
      logger.warn({ reason, spans, err: error }, 'spans were not sent; trace_spans_lost_total counts on');
    },
  };
}
