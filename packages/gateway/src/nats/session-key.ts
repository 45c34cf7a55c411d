/**
 * The key that all gateways of a cluster sign session tokens with. Nobody configures it (who wants to, may):
 * the first gateway makes a random one and puts it into the cluster's bucket, where every other finds it.
 * Creating is compare-and-set, so there is one. When JetStream has lost it, whoever notices first puts the
 * old one back.
 */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterBucket, sessionKeyName } from '@driftless/contracts';
import type { Logger, NatsLink } from '@driftless/runtime';
import { type KV, Kvm } from '@nats-io/kv';
import { z } from 'zod';
import type { Sessions } from '../http/sessions.ts';

const keyBytes = 32;
const recordSchema = z.object({ format: z.literal(1), key: z.base64url() });
/** How often the key is looked for, milliseconds: while it isn't known, and once it is. */
const searchMs = 250;
const checkMs = 5_000;

export interface SessionKeyOptions {
  link: NatsLink;
  cluster: string;
  sessions: Sessions;
  logger: Logger;
  /** Ends it all. */
  signal: AbortSignal;
}

/** Keeps `sessions` with the cluster's key until `signal` aborts; returns at once. */
export function followSessionKey(options: SessionKeyOptions): void {
  void follow(options);
}

async function follow({ link, cluster, sessions, logger, signal }: SessionKeyOptions): Promise<void> {
  while (!signal.aborted) {
    try {
      const kv = await new Kvm(link.nc).open(clusterBucket(cluster));
      sessions.useKey(await keyIn(kv, sessions.key ?? randomBytes(keyBytes)));
    } catch (error) {
      // Ordinary while the bucket isn't made yet or NATS is away.
      logger.debug({ err: error }, 'the key of session tokens cannot be read');
    }
    const pauseMs = sessions.key === undefined ? searchMs : checkMs;
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The key that stands there; `ours` when none did. */
async function keyIn(kv: KV, ours: Buffer): Promise<Buffer> {
  const found = await kv.get(sessionKeyName);
  if (found?.operation === 'PUT') return Buffer.from(recordSchema.parse(found.json()).key, 'base64url');
  // Refused when another gateway was faster: then the next look finds its key.
  await kv.create(sessionKeyName, JSON.stringify({ format: 1, key: ours.toString('base64url') }));
  return ours;
}
