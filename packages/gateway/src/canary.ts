/**
 * Canaries: how long a write takes until every replica shows it, measured from outside, all the way that a
 * client's write takes. One key a shard, of the store's own (contracts/keys.ts), is overwritten every so
 * often; then every replica is asked for it by a read that waits until it is there.
 *
 *     put, ack=stream ──▶ version ──▶ node-1: read it at this version ──▶ seen
 *                                 ├─▶ node-2: …
 *                                 └─▶ node-3: …
 *
 * A replica that does not show it is asked on, for as long as it takes, and by one read at a time: the next
 * canaries of its shard pass it by. So what is measured of a replica that was away is how long it was away.
 *
 * Cost: for each shard and period one write, and one read at each of its replicas; in the shards' logs about
 * 400 bytes each time.
 */
import { Buffer } from 'node:buffer';
import { type ErrorCode, type Position, parsePosition } from '@driftless/contracts';
import type { Clock } from '@driftless/runtime';
import { HopError } from './core/outcome.ts';
import { shardView } from './core/view.ts';
import type { Store } from './hop/store.ts';
import type { GatewayTelemetry } from './telemetry.ts';

/** Pause before a replica that is behind is asked again, milliseconds. */
const againMs = 50;

export interface CanaryOptions {
  /** Name of the gateway; told in the value, for people. */
  instance: string;
  /** How often each shard gets one, milliseconds; 0: never. */
  canaryEveryMs: number;
  /** How long a replica that does not have it yet may wait before it answers, milliseconds. */
  sessionWaitMs: number;
}

/** When a replica showed a canary last, seconds since the Unix epoch. */
export interface CanarySeen {
  shard: number;
  node: string;
  atSeconds: number;
}

export class Canary {
  readonly #options: CanaryOptions;
  readonly #store: Store;
  readonly #telemetry: GatewayTelemetry;
  readonly #clock: Clock;
  /** Shards whose put is under way, and replicas that are asked, as `shard node`. */
  readonly #putting = new Set<number>();
  readonly #asking = new Set<string>();
  readonly #seen = new Map<string, number>();
  #next = 0;
  #stopped = false;

  constructor(options: CanaryOptions, store: Store, telemetry: GatewayTelemetry, clock: Clock) {
    this.#options = options;
    this.#store = store;
    this.#telemetry = telemetry;
    this.#clock = clock;
  }

  /** The function returned ends it. */
  start(): () => void {
    if (this.#options.canaryEveryMs > 0) void this.#run();
    return () => {
      this.#stopped = true;
    };
  }

  /** Of the replicas that there are now. */
  seen(): CanarySeen[] {
    const { routes } = this.#store.routing.state;
    return routes.flatMap(({ shard }) =>
      this.#replicasOf(shard).flatMap((node) => {
        const atSeconds = this.#seen.get(`${shard} ${node}`);
        return atSeconds === undefined ? [] : { shard, node, atSeconds };
      }),
    );
  }

  /** The shards in turn, evenly over the period. */
  async #run(): Promise<void> {
    while (!this.#stopped) {
      const shards = this.#store.routing.state.routes.length;
      await this.#clock.sleep(this.#options.canaryEveryMs / Math.max(1, shards));
      if (this.#stopped || shards === 0) continue;
      this.#next = (this.#next + 1) % shards;
      void this.#send(this.#next);
    }
  }

  async #send(shard: number): Promise<void> {
    if (this.#putting.has(shard)) return;
    this.#putting.add(shard);
    try {
      const startedAt = this.#clock.monotonic();
      const key = this.#store.canaryKey(shard);
      const version = await this.#put(shard, key);
      if (version === undefined) return;
      this.#telemetry.canaryPut(shard, (this.#clock.monotonic() - startedAt) / 1000);
      for (const node of this.#replicasOf(shard)) void this.#ask({ shard, key, node, version, startedAt });
    } finally {
      this.#putting.delete(shard);
    }
  }

  /** Its position; undefined when it failed. */
  async #put(shard: number, key: string): Promise<Position | undefined> {
    const { instance } = this.#options;
    const told = { gateway: instance, at: new Date(this.#clock.wall()).toISOString() };
    const { error, version = '' } = await this.#store.putCanary(
      shard,
      key,
      Buffer.from(JSON.stringify(told)),
    );
    if (error !== undefined) this.#telemetry.canaryFailed(shard, error);
    return error === undefined ? parsePosition(version) : undefined;
  }

  /** Asks a replica until it shows the canary. */
  async #ask(canary: Asked): Promise<void> {
    const { shard, node, startedAt } = canary;
    const name = `${shard} ${node}`;
    if (this.#asking.has(name)) return;
    this.#asking.add(name);
    try {
      while (!this.#stopped && this.#replicasOf(shard).includes(node)) {
        const outcome = await this.#askOnce(canary);
        if (outcome === 'seen') {
          this.#telemetry.canarySeen(shard, node, (this.#clock.monotonic() - startedAt) / 1000);
          this.#seen.set(name, this.#clock.wall() / 1000);
          return;
        }
        if (outcome !== 'session-behind') this.#telemetry.canaryFailed(shard, outcome);
        if (outcome === 'session-rolled-back') return;
        // One that is behind has waited itself.
        await this.#clock.sleep(outcome === 'session-behind' ? againMs : this.#options.canaryEveryMs);
      }
    } finally {
      this.#asking.delete(name);
    }
  }

  /** Whether a replica shows it, or why not. */
  async #askOnce({ shard, key, node, version }: Asked): Promise<'seen' | ErrorCode> {
    const { sessionWaitMs: waitMs } = this.#options;
    const read = { shard, key, level: 'session' as const, seen: version, waitMs };
    const connection = this.#store.directory.to(node);
    if (connection === undefined) return 'replica-unavailable';
    try {
      const [result] = (await connection.read({ reads: [read] }, waitMs)).answer.results;
      if (result && 'error' in result) return result.error;
      return result?.found ? 'seen' : 'key-not-found';
    } catch (error) {
      if (error instanceof HopError) return error.code;
      throw error;
    }
  }

  /** The members of the shard's set, also those that are away. */
  #replicasOf(shard: number): readonly string[] {
    return shardView(this.#store.routing.state, shard)?.members ?? [];
  }
}

interface Asked {
  shard: number;
  key: string;
  node: string;
  version: Position;
  /** When its put began; monotonic, milliseconds. */
  startedAt: number;
}
