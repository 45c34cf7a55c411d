/**
 * Anti-entropy in a simulation: a process of its own, which dies and begins anew like the others. The healer
 * is the real one; nodes are behind the network, statuses and round leases behind a link to NATS. Its
 * scheduled rounds come far more often than by default, so that a run sees some of them.
 */
import { antiEntropyConfigSchema, Healer, type Nodes, RoundLeases } from '@driftless/anti-entropy/job';
import {
  exchangeAnswerSchema,
  exchangeHeaderSchema,
  nodeStatusSchema,
  type RoundLease,
  statusSubject,
} from '@driftless/contracts';
import { HeardNodes, type Logger } from '@driftless/runtime';
import type { StoreNode } from '@driftless/store-node/simulation';
import type { SimNats } from './nats.ts';
import { type Network, nodeErrorOf } from './network.ts';
import { Process, type World } from './world.ts';

export const healerName = 'anti-entropy';
/** Time between scheduled rounds of a shard, and for an exchange whose answer is lost, milliseconds. */
const roundEveryMs = 4000;
const exchangeTimeoutMs = 15_000;
/** For what a node answers at once, milliseconds: what the adapter of HTTP has. */
const callTimeoutMs = 5000;
/** Of a call that asks for a round lease or writes one, milliseconds. */
const requestTimeoutMs = 1700;

export interface HealingParts {
  world: World;
  nats: SimNats;
  network: Network;
  cluster: string;
  shards: number;
  loggerOf(process: Process): Logger;
  count(name: string, by?: number): void;
}

export class Healing {
  readonly name = healerName;
  readonly #parts: HealingParts;
  process: Process;
  #healer: Healer | undefined;
  #lives = 0;

  constructor(parts: HealingParts) {
    this.#parts = parts;
    this.process = new Process(parts.world, healerName);
    this.process.isAlive = false;
  }

  start(): void {
    if (this.process.isAlive) return;
    const { world, nats, cluster, shards, loggerOf } = this.#parts;
    this.#lives += 1;
    const process = new Process(world, healerName);
    this.process = process;
    world.note(`${healerName} starts`);
    const link = nats.connect(process);
    process.onDeath = () => link.close();
    const config = antiEntropyConfigSchema.parse({ cluster, roundEveryMs, exchangeTimeoutMs });
    const { instance: holder, roundLeaseTtlMs: ttlMs, nodeSilentMs } = config;
    const { clock } = process;
    const logger = loggerOf(process);
    const incarnation = `life ${this.#lives}`;
    const cells = link.cells<RoundLease>(nats.roundLeases, requestTimeoutMs);
    const dice = world.random.fork(`${healerName} ${incarnation}`);
    const healer = new Healer(config, shards, {
      clock,
      dice: () => dice.next(),
      logger,
      nodes: this.#nodes(process),
      leases: new RoundLeases({ cells, clock, logger, holder, incarnation, ttlMs }),
      instruments: this.#instruments(),
      heard: new HeardNodes(nodeSilentMs),
    });
    link.bus.subscribe(statusSubject(cluster, '*'), (status) => healer.hear(nodeStatusSchema.parse(status)));
    this.#healer = healer;
    world.after(1, () => healer.start(), process);
  }

  /** SIGTERM: ends its rounds and gives their leases back. */
  stop(then: () => void): void {
    const { process } = this;
    if (!process.isAlive || !this.#healer) {
      then();
      return;
    }
    const end = (): void => {
      process.die();
      then();
    };
    this.#healer.stop().then(end, (error) => this.#parts.world.onFault(process, error));
  }

  #instruments() {
    const { count } = this.#parts;
    return {
      roundEnded: ({ outcome }: { outcome: string }) => count(`rounds ${outcome}`),
      healed: () => count('proven healed'),
    };
  }

  /** Bytes on the wire are JSON, read by the schemas that nodes and the process read them by. */
  #nodes(from: Process): Nodes {
    const { network } = this.#parts;
    const ask = async <T>(
      node: string,
      signal: AbortSignal,
      timeoutMs: number,
      serve: (node: StoreNode) => Promise<T>,
    ): Promise<T> => {
      signal.throwIfAborted();
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const onAbort = (): void => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await Promise.race([network.call(from, node, timeoutMs, serve), aborted]);
      } catch (error) {
        throw nodeErrorOf(error, node);
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    };
    return {
      exchange: async (node, shard, header, signal) => {
        const sent = exchangeHeaderSchema.parse(overWire(header));
        const answer = await ask(node, signal, exchangeTimeoutMs, (server) =>
          server.replica(shard).exchanges.run(sent),
        );
        return exchangeAnswerSchema.parse(overWire(answer));
      },
      restore: (node, shard, signal) =>
        ask(node, signal, callTimeoutMs, async (server) => server.restore(shard)),
      scrub: (node, shard, { buckets }, signal) =>
        ask(node, signal, exchangeTimeoutMs, async (server) => {
          await server.replica(shard).scrub.run(buckets);
        }),
      verified: (node, shard, header, signal) =>
        ask(node, signal, callTimeoutMs, async (server) => {
          server.replica(shard).context.verified = header;
        }),
    };
  }
}

function overWire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
