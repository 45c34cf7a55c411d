/** The choices a client has: how safe a write must be, and how fresh a read. */
import { z } from 'zod';

/**
 * `leader` durable on the leader's disk; `stream` + accepted by JetStream; `majority`, `all` + applied
 * durably.
 */
export const ackLevelSchema = z.enum(['leader', 'stream', 'majority', 'all']);
export type AckLevel = z.infer<typeof ackLevelSchema>;
export const ackLevelDefault: AckLevel = 'stream';

/**
 * `eventual` any healthy replica; `session` one that has applied what the session has seen; `bounded` one
 * whose measured staleness is within a bound; `leader` the leader's confirmed state under a live lease;
 * `strong` linearizable: the same, behind a round trip through the stream.
 */
export const readLevelSchema = z.enum(['eventual', 'session', 'bounded', 'leader', 'strong']);
export type ReadLevel = z.infer<typeof readLevelSchema>;
export const readLevelDefault: ReadLevel = 'eventual';

/** Whether only the leader may serve reads of this level. */
export function isLeaderLevel(level: ReadLevel): boolean {
  return level === 'leader' || level === 'strong';
}
