/** The store nodes as a process knows them: by the statuses that they tell, for as long as they tell them. */
import type { NodeStatus } from '@driftless/contracts';

export class HeardNodes {
  readonly #silentMs: number;
  readonly #heard = new Map<string, { status: NodeStatus; at: number }>();

  /** A node that was silent for `silentMs` is not counted on. */
  constructor(silentMs: number) {
    this.#silentMs = silentMs;
  }

  /** `now`: monotonic, milliseconds; here and below. */
  heard(status: NodeStatus, now: number): void {
    this.#heard.set(status.node, { status, at: now });
  }

  /** Where a node was when it was last heard of (http://host:port). */
  urlOf(node: string): string | undefined {
    return this.#heard.get(node)?.status.url;
  }

  /** How long ago a node was heard of last, milliseconds; undefined when it never was. */
  silentMs(node: string, now: number): number | undefined {
    const heard = this.#heard.get(node);
    return heard && Math.max(0, now - heard.at);
  }

  /** What a node says of itself; undefined when it is not heard of any more. */
  fresh(node: string, now: number): NodeStatus | undefined {
    const heard = this.#heard.get(node);
    return heard && now - heard.at < this.#silentMs ? heard.status : undefined;
  }

  /** Of all nodes that are heard of. */
  allFresh(now: number): NodeStatus[] {
    return [...this.#heard.keys()].flatMap((node) => this.fresh(node, now) ?? []);
  }
}
