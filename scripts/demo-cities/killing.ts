/**
 * Kills a node that leads no shard once enough is imported, and tells what one sees of it from
 * outside:
 * that it is silent, how many operations it is behind, when it is back, and when it has caught up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DriftlessClient } from '@driftless/client';
import type { ClusterView } from '@driftless/contracts';
import type { Story } from './story.ts';

const lookMs = 250;
/** At least so long between two lines that say the same kind of thing, in milliseconds. */
const tellMs = 1000;

type Phase = 'importing' | 'dead' | 'back' | 'caught up';

export class Killing {
  node = '';
  wasBehind = false;
  /** Operations that were acknowledged between the kill and the node's return. */
  importedMeanwhile = 0;
  readonly #story: Story;
  readonly #client: DriftlessClient;
  readonly #kill: (node: string) => number;
  readonly #killAt: number;
  #phase: Phase = 'importing';
  #operationsAtKill = 0;
  #killedAt = 0;
  #backAfterMs = 0;
  #caughtUpAfterMs = 0;
  #mostBehind = 0;
  #toldAt = 0;
  #incarnation = '';
  #ended = false;
  #watching: Promise<void> = Promise.resolve();

  constructor(
    story: Story,
    client: DriftlessClient,
    kill: (node: string) => number,
    killAtOperations: number,
  ) {
    this.#story = story;
    this.#client = client;
    this.#kill = kill;
    this.#killAt = killAtOperations;
  }

  get caughtUp(): boolean {
    return this.#phase === 'caught up';
  }

  get figure(): string {
    const { time, count } = this.#story;
    const behind = `${count(this.#mostBehind)} operations behind at most`;
    const caughtUp = `caught up after ${time(this.#caughtUpAfterMs)}`;
    return `killed with -9, back after ${time(this.#backAfterMs)}, ${behind}, ${caughtUp}`;
  }

  start(): void {
    this.#watching = this.#watch();
  }

  /** Resolves when the node has caught up, or the time is over. */
  async finish(timeoutMs: number): Promise<void> {
    await this.#story.until(timeoutMs, async () => this.caughtUp);
    this.#ended = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#ended && !this.caughtUp) {
      // A gateway that can't be asked for a moment is looked at again; whether all went well is promised
      // elsewhere.
      const view = await this.#client.cluster().catch(() => undefined);
      if (view) this.#look(view);
      await sleep(lookMs);
    }
  }

  #look(view: ClusterView): void {
    const now = performance.now();
    const operations = view.shards.reduce((sum, shard) => sum + leaderSeq(shard), 0);
    if (this.#phase === 'importing') {
      const follower = followerIn(view);
      if (operations >= this.#killAt && follower) this.#strike(operations, follower);
      return;
    }
    const known = view.nodes.find(({ node }) => node === this.node);
    const behind = view.shards.reduce((sum, shard) => sum + behindIn(shard, this.node), 0);
    this.#mostBehind = Math.max(this.#mostBehind, behind);
    if (this.#phase === 'dead') this.wasBehind ||= behind > 0;
    const sinceMs = now - this.#killedAt;
    if (this.#phase === 'dead' && known?.alive && known.incarnation !== this.#incarnation) {
      this.#phase = 'back';
      this.#backAfterMs = sinceMs;
      this.importedMeanwhile = operations - this.#operationsAtKill;
      this.#tell(`${this.node} is back, ${this.#story.count(behind)} operations behind`);
    } else if (this.#phase === 'back' && behind === 0) {
      this.#phase = 'caught up';
      this.#caughtUpAfterMs = sinceMs;
      this.#tell(`${this.node} has caught up`);
    } else if (now - this.#toldAt > tellMs) {
      const state = this.#phase === 'dead' ? 'silent' : 'catching up';
      this.#tell(`${this.node} is ${state}, ${this.#story.count(behind)} operations behind`);
    }
  }

  #strike(operations: number, { node, incarnation }: FollowerNode): void {
    this.node = node;
    const pid = this.#kill(this.node);
    this.#phase = 'dead';
    this.#killedAt = performance.now();
    this.#operationsAtKill = operations;
    this.#incarnation = incarnation;
    this.#tell(`kill -9 ${pid}: ${this.node}, after ${this.#story.count(operations)} operations`);
  }

  #tell(text: string): void {
    this.#toldAt = performance.now();
    const after = `+${((this.#toldAt - this.#killedAt) / 1000).toFixed(1)} s`;
    this.#story.say(this.#story.paint('yellow', `${after.padStart(8)}  ${text}`));
  }
}

type ShardView = ClusterView['shards'][number];
type FollowerNode = ClusterView['nodes'][number];

/** A node that only follows; none while leaders are unknown. */
function followerIn({ nodes, shards }: ClusterView): FollowerNode | undefined {
  if (shards.some(({ leader }) => leader === undefined)) return undefined;
  return nodes.find(({ node }) => shards.every(({ leader }) => leader !== node));
}

function leaderSeq({ leader, replicas }: ShardView): number {
  return replicas.find(({ node }) => node === leader)?.applied.seq ?? 0;
}

/** Operations that the node's replica has, by its last word, not applied. */
function behindIn(shard: ShardView, node: string): number {
  const own = shard.replicas.find((replica) => replica.node === node);
  return own ? Math.max(0, leaderSeq(shard) - own.applied.seq) : 0;
}
