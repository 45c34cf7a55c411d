/**
 * What is known of replicas beyond their last status: which pairs were proven equal last, where and when; and
 * which replicas are known to be drifted, since when. A drifted replica counts as healed when it was proven
 * equal to another one, not when it says that it is well.
 */
import { comparePositions, type PairReport, type Position } from '@driftless/contracts';

interface Proof {
  nodes: [string, string];
  position: Position;
  /** Wall clock, milliseconds: for people. */
  at: number;
}

/** After it was healed a node takes a moment to find itself that it is well, and to say so, milliseconds. */
const settleMs = 2_000;

export class Proofs {
  readonly #pairs = new Map<string, Proof & { shard: number }>();
  /** Monotonic time, by shard and node. */
  readonly #driftedSince = new Map<string, number>();
  readonly #healedAt = new Map<string, number>();

  /** All that were ever proven, the members' that are still in the set. */
  get pairs(): readonly (Proof & { shard: number })[] {
    return [...this.#pairs.values()];
  }

  /** A node told that its replica is drifted; whether that is news. */
  driftSeen(shard: number, node: string, now: number): boolean {
    const key = `${shard}/${node}`;
    const isOldNews = now - (this.#healedAt.get(key) ?? Number.NEGATIVE_INFINITY) < settleMs;
    if (isOldNews || this.#driftedSince.has(key)) return false;
    this.#driftedSince.set(key, now);
    return true;
  }

  driftedForMs(shard: number, node: string, now: number): number | undefined {
    const since = this.#driftedSince.get(`${shard}/${node}`);
    return since === undefined ? undefined : now - since;
  }

  /** How long the two nodes had been known to be drifted that were proven equal now, milliseconds. */
  proven(shard: number, pair: PairReport, now: number, wall: number): number[] {
    if (pair.outcome !== 'equal' || !pair.position) return [];
    const nodes = [pair.node, pair.with].sort() as [string, string];
    const key = `${shard} ${nodes.join(' ')}`;
    const before = this.#pairs.get(key);
    if (!before || comparePositions(before.position, pair.position) <= 0) {
      this.#pairs.set(key, { shard, nodes, position: pair.position, at: wall });
    }
    return nodes.flatMap((node) => {
      const ms = this.driftedForMs(shard, node, now);
      this.#driftedSince.delete(`${shard}/${node}`);
      if (ms === undefined) return [];
      this.#healedAt.set(`${shard}/${node}`, now);
      return [ms];
    });
  }

  /** The shard is held by others now: what was known of who left it is of no use. */
  keepOnly(shard: number, members: readonly string[]): void {
    for (const [key, proof] of this.#pairs) {
      const isGone = proof.nodes.some((node) => !members.includes(node));
      if (proof.shard === shard && isGone) this.#pairs.delete(key);
    }
    for (const key of this.#driftedSince.keys()) {
      const [, node = ''] = key.split('/');
      if (key.startsWith(`${shard}/`) && !members.includes(node)) this.#driftedSince.delete(key);
    }
  }
}
