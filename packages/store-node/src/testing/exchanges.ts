/** For tests: three replicas that exchange with each other, and ways to spoil one of them. */
import { type ExchangeHeader, equalDigest, type InjectHeader } from '@driftless/contracts';
import { expect } from 'vitest';
import { isDrifted } from '../core/state.ts';
import type { ShardContext } from '../shard/context.ts';
import { Exchanges } from '../shard/exchanges.ts';
import { inject } from '../shard/inject.ts';
import type { ShardReplica } from '../shard/replica.ts';
import { Scrub } from '../shard/scrub.ts';
import { put, TestReplica } from './replica.ts';
import { follow, localPeers, testShard } from './shard.ts';

/** What every one of them has. */
export const keys = Array.from({ length: 100 }, (_, i) => `key-${i}`);
export const heal: ExchangeHeader = {
  with: 'node-1',
  mode: 'heal',
  rung: 'key',
  buckets: [],
  keysMax: 1000,
  bytesMax: 1_000_000,
};

/** Three replicas of the same rows; the log is that of the first, which leads where nothing else is said. */
export function cluster() {
  const contexts = new Map<string, ShardContext>();
  const peers = localPeers(contexts);
  const log = new TestReplica();
  log.startEpoch(1);
  log.write(keys.map((key) => put(key, `value of ${key}`)));
  const replicas = ['node-1', 'node-2', 'node-3'].map((node) => {
    const { context, told } = testShard({ node, peers });
    contexts.set(node, context);
    follow(context, log);
    const replica = { context, scrub: new Scrub(context), shard: 0, leader: undefined, isFollowing: true };
    const exchanges = new Exchanges(replica as unknown as ShardReplica);
    return { context, told, replica, exchanges, scrub: replica.scrub };
  });
  const [one, two, three] = replicas;
  if (!one || !two || !three) throw new Error('There are three.');
  const write = (...requests: Parameters<TestReplica['write']>[0]): void => {
    log.write(requests);
    for (const { context } of replicas) follow(context, log);
  };
  return { log, one, two, three, contexts, write };
}

export type Part = ReturnType<typeof cluster>['one'];

export function rowsOf({ context }: Part) {
  return new TestReplica(context.store).rows();
}

let dice = 0;
const random = (): number => {
  dice = (dice * 16_807 + 11) % 2_147_483_647;
  return dice / 2_147_483_647;
};

export function spoil({ context }: Part, kind: InjectHeader['kind'], count = 1): string[] {
  return inject(context, { kind, count }, { shardCount: 1, random });
}

export function expectEqual(ours: Part, theirs: Part): void {
  expect(rowsOf(ours)).toEqual(rowsOf(theirs));
  expect(equalDigest(ours.context.state.root, theirs.context.state.root)).toBe(true);
  expect(isDrifted(ours.context.state)).toBe(false);
  expect(ours.context.store.leavesRoot()).toEqual(theirs.context.store.leavesRoot());
}
