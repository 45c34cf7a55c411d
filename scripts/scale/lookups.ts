/**
 * What the processes' own code does with the news of many nodes: how often it looks through what nodes tell
 * of their replicas, and how long the tokens become that carry a position a shard. All of it is counted on
 * the real thing: statuses count by themselves how often somebody asks which shard a replica is of.
 */
import { Buffer } from 'node:buffer';
import { clusterRecordSchema, type NodeStatus } from '@driftless/contracts';
import {
  gatewayConfigSchema,
  RoutingTable,
  Session,
  Sessions,
  WatchCursor,
} from '@driftless/gateway/simulation';
import { Clock } from '@driftless/runtime';
import { Roster } from '@driftless/store-node/simulation';
import { ordinaryPosition } from './messages.ts';
import type { Shape } from './shape.ts';

/** It never passes. */
class StoppedClock extends Clock {
  override monotonic = (): number => 0;
  override wall = (): number => 0;
  override after = () => (): void => undefined;
  override every = () => (): void => undefined;
  override soon = (): void => undefined;
}

export interface Tally {
  looks: number;
}

/** The status, which counts how often a replica of it is asked for its shard. */
export function counting(status: NodeStatus, tally: Tally): NodeStatus {
  const shards = status.shards.map((replica) => {
    const { shard } = replica;
    const asked = (): number => {
      tally.looks += 1;
      return shard;
    };
    return Object.defineProperty({ ...replica }, 'shard', { get: asked });
  });
  return { ...status, shards };
}

/** Replicas that a gateway looks at for one piece of news, whatever it is. */
export function gatewayLooks({ shards, factor }: Shape, statuses: readonly NodeStatus[]): number {
  const tally = { looks: 0 };
  const { nodeSilentMs, readLagMaxMs } = gatewayConfigSchema.parse({});
  const table = new RoutingTable({ nodeSilentMs, readLagMaxMs }, new StoppedClock());
  for (const status of statuses) table.hear({ type: 'status-heard', status: counting(status, tally) });
  const members = statuses.map(({ node }) => node);
  const fixed = { format: 1, cluster: 'driftless', id: 'id', shardCount: shards, members };
  const cluster = clusterRecordSchema.parse({ ...fixed, replicationFactor: factor });
  tally.looks = 0;
  table.hear({ type: 'cluster-known', cluster });
  return tally.looks;
}

/**
 * Replicas that a node looks at in one turn of its moves, to learn who leads: each shard for who invites it,
 * its own for who counts on them, and each shard for how members get on (store-node/src/membership/moves.ts).
 */
export function nodeLooks({ shards }: Shape, statuses: readonly NodeStatus[]): number {
  const tally = { looks: 0 };
  const roster = new Roster(1, 1);
  for (const status of statuses) roster.heard(counting(status, tally), 0);
  const own = statuses[0]?.shards.map(({ shard }) => shard) ?? [];
  for (const shard of own) roster.leading(shard, 0);
  const ofOwn = tally.looks;
  for (let shard = 0; shard < shards; shard += 1) roster.leading(shard, 0);
  return ofOwn + 2 * (tally.looks - ofOwn);
}

/** Characters of a session that has seen every shard. */
export function sessionTokenChars(shards: number): number {
  const sessions = new Sessions('driftless');
  sessions.useKey(Buffer.alloc(32, 1));
  const positions = Array.from({ length: shards }, (_, shard) => [shard, ordinaryPosition] as const);
  let token = '';
  const reply = {
    header(_name: string, value: unknown): void {
      token = String(value);
    },
  };
  sessions.tell(reply as never, new Session(new Map(positions)));
  return token.length;
}

/** Characters of the `id` that each event of a watch carries. */
export function watchTokenChars(shards: number): number {
  const positions = Array.from({ length: shards }, () => ordinaryPosition);
  return new WatchCursor('id', '', positions).token.length;
}
