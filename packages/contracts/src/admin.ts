/** `/v1/admin/*`: what an operator sees and decides (DESIGN §9), as schemas of the public REST surface. */
import { z } from 'zod';
import { injectHeaderSchema } from './exchange.ts';
import { nodeIdSchema } from './names.ts';

/** An operation of a deposed leader that the history does not have, and that nobody has decided on. */
export const orphanViewSchema = z.object({
  node: z.string().describe('The node that keeps it'),
  shard: z.number().int(),
  version: z.string().describe('The version that it had in the history that was cut off'),
  op: z.enum(['put', 'delete']),
  key: z.string(),
  contentType: z.string().optional(),
  bytes: z.number().int().optional(),
  valueBase64: z.string().optional(),
  state: z
    .enum(['waiting', 'kept'])
    .describe('waiting: to be offered to the leader; kept: the key was written since'),
});
export type OrphanView = z.infer<typeof orphanViewSchema>;
export const orphanListSchema = z.object({ orphans: z.array(orphanViewSchema) });

/** Who takes the place of a member. */
export const replaceMemberBodySchema = z.strictObject({ by: nodeIdSchema });

/** Damage done on purpose to a node's replica; only where nodes allow it. */
export const injectBodySchema = z.strictObject({
  node: nodeIdSchema,
  kind: injectHeaderSchema.shape.kind,
  key: injectHeaderSchema.shape.key.describe('Where it matters; any key by default'),
  count: injectHeaderSchema.shape.count.describe('Rows, batches or leaves that it meets'),
});
export type InjectBody = z.input<typeof injectBodySchema>;

/** Which member shall lead the shard. */
export const moveLeaderBodySchema = z.strictObject({ node: z.string() });
export const movedLeaderSchema = z.object({
  shard: z.number().int(),
  leader: z.string(),
  epoch: z.number().int(),
});
export type MovedLeader = z.infer<typeof movedLeaderSchema>;
