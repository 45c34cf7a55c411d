/** The choices a client has: how safe a write must be, and how fresh a read. */
import { z } from 'zod';

/**
 * `leader` durable on the leader's disk; `stream` + accepted by JetStream; `majority`, `all` + applied
 * durably.
 */
export const ackLevelSchema = z.enum(['leader', 'stream', 'majority', 'all']);
export type AckLevel = z.infer<typeof ackLevelSchema>;
export const ackLevelDefault: AckLevel = 'stream';

/** `eventual` any healthy replica; `leader` the leader's confirmed state under a live lease. */
export const readLevelSchema = z.enum(['eventual', 'leader']);
export type ReadLevel = z.infer<typeof readLevelSchema>;
export const readLevelDefault: ReadLevel = 'eventual';
