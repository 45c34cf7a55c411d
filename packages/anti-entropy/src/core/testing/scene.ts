/** What tests of the exchange begin with: a world with some history, and replicas that drift in it. */
import { type Exchanged, type ExchangeOptions, exchange, exchangeLimits } from '../exchange.ts';
import type { Capture, Missed, OurReplica, Peer } from '../ports.ts';
import { type DriftKind, drift } from './drift.ts';
import { textOf } from './history.ts';
import { keysSharing } from './keys.ts';
import { asPeer, type MemoryReplica } from './replica.ts';
import { type Dice, World } from './world.ts';

export const keys = keysSharing(8, 3);
/** Small, so that everything is done in more than one part; waits are counted in turns of the world. */
export const limits = {
  ...exchangeLimits,
  captureWaitMs: 20,
  bucketsAtOnce: 3,
  headsAtOnce: 4,
  repairsAtOnce: 2,
};
export const heal = { mode: 'heal', rung: 'key', buckets: [], keysMax: 1000, bytesMax: 1e6 } as const;
export const diff = { ...heal, mode: 'diff' } as const;

export interface Drift {
  kind: DriftKind;
  key: string;
}

export class Scene {
  readonly world: World;
  readonly ours: MemoryReplica;
  readonly theirs: MemoryReplica;

  constructor(from: Dice, batches = 30, replicas = 2) {
    this.world = new World(replicas, keys, from);
    this.world.fill(batches);
    [this.ours, this.theirs] = this.world.replicas as [MemoryReplica, MemoryReplica];
    this.ours.peer = this.theirs;
    this.theirs.peer = this.ours;
  }

  drift(replica: MemoryReplica, list: readonly Drift[]): void {
    for (const { kind, key } of list) drift(replica, kind, key, this.world.history);
  }

  /** An exchange of ours with theirs; what ours' scrub finds is suspect. */
  run(options: ExchangeOptions = heal, peer: Peer = asPeer(this.theirs)): Promise<Exchanged> {
    const buckets = [...options.buckets, ...this.world.scrub(this.ours)];
    return exchange({ ours: this.ours, peer, options: { ...options, buckets }, limits });
  }

  /** Nothing is written any more, and all have everything. */
  rest(): void {
    this.world.writesLeft = 0;
    this.world.catchUp();
  }
}

/** All that a replica keeps, to compare it with another's. */
export function dump(replica: MemoryReplica): string[] {
  const rows = [...replica.rows].map(([key, row]) => `${key} ${textOf(row)}`).sort();
  return [...rows, Buffer.from(replica.tree.bytes()).toString('base64')];
}

/** Keeps what a replica captured, whoever asked. */
export function captured(replica: MemoryReplica): Capture[] {
  const captures: Capture[] = [];
  const ask: OurReplica['capture'] = replica.capture.bind(replica);
  replica.capture = async (atSeq, waitMs): Promise<Capture | Missed> => {
    const answer = await ask(atSeq, waitMs);
    if ('id' in answer) captures.push(answer);
    return answer;
  };
  return captures;
}
