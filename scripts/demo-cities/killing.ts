/**
 * Kills a node once enough is imported, and tells what one sees of it from outside: that it is silent, how
 * many operations it is behind, when it is back, and when it has caught up with all it missed. It is the node
 * that leads the fewest shards: in the others it follows. What it led, it leads again if it is back before
 * its lease has run out; else another takes over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DriftlessClient } from '@driftless/client';
import type { ClusterView } from '@driftless/contracts';
import type { Story } from '../story.ts';

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
  /** Where the others were when the node came back, a shard: from there on it has caught up. */
  #missed: Map<number, number> = new Map();
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
    const operations = view.shards.reduce((sum, shard) => sum + lastSeq(shard), 0);
    if (this.#phase === 'importing') {
      const victim = victimIn(view);
      if (operations >= this.#killAt && victim) this.#strike(operations, victim);
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
      this.#missed = new Map(view.shards.map((shard) => [shard.shard, lastSeq(shard)]));
      this.#tell(`${this.node} is back, ${this.#story.count(behind)} operations behind`);
    } else if (this.#phase === 'back' && view.shards.every((shard) => this.#hasCaughtUp(shard))) {
      this.#phase = 'caught up';
      this.#caughtUpAfterMs = sinceMs;
      this.#tell(`${this.node} has caught up`);
    } else if (now - this.#toldAt > tellMs) {
      const state = this.#phase === 'dead' ? 'silent' : 'catching up';
      this.#tell(`${this.node} is ${state}, ${this.#story.count(behind)} operations behind`);
    }
  }

  #hasCaughtUp({ shard, members, replicas }: ShardView): boolean {
    if (!members.includes(this.node)) return true;
    const own = replicas.find(({ node }) => node === this.node);
    return own !== undefined && own.applied.seq >= (this.#missed.get(shard) ?? 0);
  }

  #strike(operations: number, { node, incarnation, leads, follows }: Victim): void {
    this.node = node;
    const pid = this.#kill(this.node);
    this.#phase = 'dead';
    this.#killedAt = performance.now();
    this.#operationsAtKill = operations;
    this.#incarnation = incarnation;
    const roles = `follows in ${follows} shards, leads ${leads}`;
    this.#tell(`kill -9 ${pid}: ${node} (${roles}), after ${this.#story.count(operations)} operations`);
  }

  #tell(text: string): void {
    this.#toldAt = performance.now();
    const after = `+${((this.#toldAt - this.#killedAt) / 1000).toFixed(1)} s`;
    this.#story.say(this.#story.paint('yellow', `${after.padStart(8)}  ${text}`));
  }
}

type ShardView = ClusterView['shards'][number];
interface Victim {
  node: string;
  incarnation: string;
  leads: number;
  follows: number;
}

/** The node that leads the fewest shards; none while leaders are unknown. */
function victimIn({ nodes, shards }: ClusterView): Victim | undefined {
  if (shards.some(({ leader }) => leader === undefined)) return undefined;
  const candidates = nodes.map(({ node, incarnation }) => {
    const leads = shards.filter(({ leader }) => leader === node).length;
    const follows = shards.filter(({ members }) => members.includes(node)).length - leads;
    return { node, incarnation, leads, follows };
  });
  return candidates.sort((a, b) => a.leads - b.leads)[0];
}

/** Where the furthest replica is; the leader may be dead or not known for a moment. */
function lastSeq({ replicas }: ShardView): number {
  return Math.max(0, ...replicas.map(({ applied }) => applied.seq));
}

/** Operations that the node's replica has, by its last word, not applied. */
function behindIn(shard: ShardView, node: string): number {
  const own = shard.replicas.find((replica) => replica.node === node);
  return own ? lastSeq(shard) - own.applied.seq : 0;
}
