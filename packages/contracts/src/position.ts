/**
 * A position is a place in a shard's history: the leadership term (epoch) and the number of the operation in
 * the shard's log (seq). It orders everything and is the version of every value. Wall clocks and JetStream
 * sequences are hints, never an order.
 */
import { z } from 'zod';

export const positionSchema = z.object({
  epoch: z.number().int().min(0),
  seq: z.number().int().min(0),
});
/** Both numbers are integers ≥ 0; (0, 0) is "nothing yet". */
export type Position = z.infer<typeof positionSchema>;

export const positionZero: Position = Object.freeze({ epoch: 0, seq: 0 });

/** Negative, zero or positive as `a` is before, at or after `b`. */
export function comparePositions(a: Position, b: Position): number {
  return a.epoch - b.epoch || a.seq - b.seq;
}

/** `3-120`: epoch 3, seq 120. This is the text of an `ETag` and of `Driftless-Position`. */
export function formatPosition(position: Position): string {
  return `${position.epoch}-${position.seq}`;
}

/** The position a text names, or `undefined` when it is not one. */
export function parsePosition(text: string): Position | undefined {
  const match = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/.exec(text);
  if (!match) return undefined;
  const position = { epoch: Number(match[1]), seq: Number(match[2]) };
  return Number.isSafeInteger(position.epoch) && Number.isSafeInteger(position.seq) ? position : undefined;
}
