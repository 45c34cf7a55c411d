import { DriftlessError } from '@driftless/contracts';
import { expect, it } from 'vitest';
import { makeEntry } from '../core/entry.ts';
import { emptyState } from '../core/state.ts';
import { bytes } from '../testing/replica.ts';
import { readKey } from './reader.ts';
import type { ShardReplica } from './replica.ts';

/** Just what a read needs of a replica that leads. */
function leading(seq: number) {
  const entry = makeEntry({
    key: 'k',
    epoch: 1,
    seq,
    tombstone: false,
    value: bytes('old'),
    contentType: 'text/plain',
    expiresAt: null,
  });
  const state = { ...emptyState(), applied: { epoch: 1, seq }, confirmedSeq: seq - 1 };
  const context = {
    shard: 0,
    state,
    store: { get: () => entry },
    clock: { monotonic: () => 0, wall: () => 0 },
  };
  let confirm = (): void => undefined;
  const confirmed = () =>
    new Promise<void>((resolve) => {
      confirm = resolve;
    });
  const leader = { confirmed };
  const replica = { context, leader, leadsForSure: true, requireLeader: () => leader };
  return { replica: replica as unknown as ShardReplica, context, confirm: () => confirm() };
}

it('a read that waits to be confirmed tells where the replica stood when it read', async () => {
  const { replica, context, confirm } = leading(7);
  const reading = readKey(replica, 'k', { level: 'leader' });
  await Promise.resolve();
  await Promise.resolve();
  // Meanwhile the key is written again, and the stream confirms both.
  context.state = { ...context.state, applied: { epoch: 1, seq: 9 }, confirmedSeq: 9 };
  confirm();
  const { result } = await reading;
  expect(result).toMatchObject({ found: true, version: '1-7', standing: { position: { epoch: 1, seq: 7 } } });
});

it('a replica that has not heard of an epoch that the session knows serves it no read', async () => {
  const { replica, context } = leading(7);
  const asked = { level: 'eventual', seen: { epoch: 2, seq: 5 } } as const;
  const refusal = await Promise.resolve(readKey(replica, 'k', asked)).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(DriftlessError);
  expect(refusal).toMatchObject({ code: 'session-behind' });
  // Behind in the session's own epoch, it may: nothing of that is rolled back.
  const behind = { level: 'eventual', seen: { epoch: 1, seq: 9 } } as const;
  expect(await readKey(replica, 'k', behind)).toMatchObject({ result: { found: true } });
  context.state = { ...context.state, applied: { epoch: 2, seq: 7 } };
  expect(await readKey(replica, 'k', asked)).toMatchObject({ result: { found: true } });
});
