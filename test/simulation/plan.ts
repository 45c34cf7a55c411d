/**
 * A plan is all that is done to a cluster: what clients ask, and what is broken, with the virtual time of
 * each. It is data, so that a failing one can be made shorter, kept as a file and run again. With the seed
 * (which decides all delays) it determines a run.
 *
 * A profile says what kinds of faults there are, and with that which promises must hold (DESIGN §5):
 *
 *     calm        none
 *     nodes       processes die, hang, restart; slow disks; links and calls fail: nothing acknowledged by the
 *                 stream is lost
 *     jetstream   streams and leases are lost or go back, servers are away, deliveries are wrong; nodes stay
 *                 well, so the same holds
 *     power       a node at a time loses what it had not synced, or all of its disk, or begins again with an
 *                 old copy of its files: the same
 *     rot         rows, leaves and positions on disks change by themselves: the same, no rotten row is shown,
 *                 and all of it is healed
 *     everything  all of it at once: `ack=majority` and `all` hold
 */
import { ackLevelSchema, readLevelSchema } from '@driftless/contracts';
import { z } from 'zod';

export const profiles = ['calm', 'nodes', 'jetstream', 'power', 'rot', 'everything'] as const;
export type Profile = (typeof profiles)[number];

const at = z.number().min(0);
const ms = z.number().min(0);
const node = z.string();
const shard = z.number().int().min(0);
const chance = z.number().min(0).max(1);

export const operationSchema = z.object({
  at,
  client: z.string(),
  kind: z.enum(['put', 'delete', 'increment', 'get', 'list']),
  key: z.string(),
  value: z.string().optional(),
  by: z.number().int().optional(),
  ttlSeconds: z.number().int().positive().optional(),
  ack: ackLevelSchema.optional(),
  level: readLevelSchema.optional(),
  /** `last`: the version that this client saw last; `any`: there must be a value; `none`: there must not. */
  only: z.enum(['last', 'any', 'none']).optional(),
  /** Sent under an `Idempotency-Key`, and sent again when nobody answered. */
  idempotent: z.boolean().optional(),
});
export type ClientOperation = z.infer<typeof operationSchema>;

const linkFault = { at, node, forMs: ms };
export const faultSchema = z.discriminatedUnion('kind', [
  /** The process is killed; the machine goes on. */
  z.object({ at, kind: z.literal('kill'), node, forMs: ms }),
  /** It is killed in its `calls`th call of a port from now. */
  z.object({ at, kind: z.literal('kill-in-call'), node, calls: z.number().int().positive(), forMs: ms }),
  /** The machine loses its power; `share` of what was not synced is on disk. */
  z.object({ at, kind: z.literal('power-loss'), node, share: chance, forMs: ms }),
  /** The machine comes back with an empty disk. */
  z.object({ at, kind: z.literal('disk-loss'), node, forMs: ms }),
  /** A copy of the node's files is made, and `forMs` later it takes their place, while the node is down. */
  z.object({ at, kind: z.literal('files-put-back'), node, forMs: ms }),
  /** A row's bytes change; which one, is left to chance. */
  z.object({ at, kind: z.literal('row-rotten'), node, shard }),
  /** A row is gone, one is there that nobody wrote, a leaf of the tree is another one. */
  z.object({ at, kind: z.literal('row-lost'), node, key: z.string() }),
  z.object({ at, kind: z.literal('alien-row'), node, shard }),
  z.object({ at, kind: z.literal('leaf-spoilt'), node, shard }),
  /** The next events move the position, and write no row. */
  z.object({ at, kind: z.literal('event-skipped'), node, shard, events: z.number().int().positive() }),
  /** The position goes back, and log and rows stay. */
  z.object({ at, kind: z.literal('cursor-rewound'), node, shard, batches: z.number().int().positive() }),
  z.object({ at, kind: z.literal('restart'), node, forMs: ms }),
  z.object({ at, kind: z.literal('pause'), node, forMs: ms }),
  z.object({ at, kind: z.literal('slow-disk'), node, syncMs: ms, forMs: ms }),
  /** No way between two processes, for HTTP. */
  z.object({ at, kind: z.literal('no-way'), node, other: z.string(), forMs: ms }),
  z.object({ at, kind: z.literal('lossy-network'), loss: chance, slowMs: ms, forMs: ms }),
  /** The link of a process to NATS breaks, or says nothing for a while. */
  z.object({ ...linkFault, kind: z.literal('nats-cut') }),
  z.object({ ...linkFault, kind: z.literal('nats-stall') }),
  z.object({ ...linkFault, kind: z.literal('nats-slow'), slowMs: ms }),
  z.object({ ...linkFault, kind: z.literal('nats-lossy'), requests: chance, answers: chance }),
  /** A node does not hear who took its lease, and most of its calls are lost. */
  z.object({ ...linkFault, kind: z.literal('leases-unheard'), loss: chance }),
  z.object({ ...linkFault, kind: z.literal('deliveries'), drop: chance, duplicate: chance, reorder: chance }),
  z.object({ ...linkFault, kind: z.literal('acks-lost'), loss: chance }),
  /** All NATS servers are away; `lost`: what their disks lack afterwards. */
  z.object({
    at,
    kind: z.literal('nats-down'),
    forMs: ms,
    lost: z.enum(['nothing', 'everything', 'leases']).or(z.number().int().positive()),
  }),
  z.object({ at, kind: z.literal('stream-deleted'), shard }),
  z.object({ at, kind: z.literal('stream-purged'), shard }),
  z.object({ at, kind: z.literal('stream-trimmed'), shard, messages: z.number().int().positive() }),
  z.object({ at, kind: z.literal('last-message-deleted'), shard }),
  z.object({ at, kind: z.literal('consumer-deleted'), shard, node }),
  z.object({ at, kind: z.literal('leases-deleted') }),
]);
export type Fault = z.infer<typeof faultSchema>;
export type FaultKind = Fault['kind'];

export const planSchema = z.object({
  format: z.literal(1),
  /** What it shows, for people. */
  note: z.string().optional(),
  seed: z.number().int(),
  profile: z.enum(profiles),
  nodes: z.number().int().min(1),
  shards: z.number().int().min(1),
  gateways: z.number().int().min(1),
  /** Anti-entropy runs. What was found without it is run without it. */
  antiEntropy: z.boolean().default(true),
  skewMs: z.array(z.number()),
  /** Deviations from the nodes' defaults. */
  config: z.record(z.string(), z.number()),
  operations: z.array(operationSchema),
  faults: z.array(faultSchema),
});
export type Plan = z.infer<typeof planSchema>;

/** When a fault is over. */
export function endOf(fault: Fault): number {
  return fault.at + ('forMs' in fault ? fault.forMs : 0);
}

/** Ack levels whose writes the profile's faults may take. */
export function takenBy(profile: Profile): ('leader' | 'stream')[] {
  return profile === 'everything' ? ['leader', 'stream'] : ['leader'];
}
