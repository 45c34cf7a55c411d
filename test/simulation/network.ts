/**
 * The network between processes, in place of HTTP: calls that take their time, find nobody, are refused, get
 * no answer, or break when the one who was asked dies. Nodes are the real ones, and so are the bytes.
 */
import { DriftlessError, decodeFrame, encodeFrame, problemOf, type WriteAnswer } from '@driftless/contracts';
import { type Circuit, type Hop, HopError, kindOfAnswer } from '@driftless/gateway/simulation';
import {
  answerList,
  answerLog,
  answerQuestion,
  answerRead,
  answerRows,
  answerWrite,
  copyFor,
  logPageOf,
  type MemoryStore,
  type Peers,
  rowsPageOf,
  type StoreNode,
} from '@driftless/store-node/simulation';
import { Crashed, type Process, type World } from './world.ts';

const delayMs = { least: 0.1, most: 2 };
const connectTimeoutMs = 1000;

/** A node that runs. */
export interface Server {
  process: Process;
  node: StoreNode | undefined;
}

type Failure = 'not-sent' | 'unanswered';

/** How a call ended that nobody answered. */
class Unreachable extends Error {
  readonly kind: Failure;
  constructor(kind: Failure) {
    super(kind);
    this.kind = kind;
  }
}

export class Network {
  readonly world: World;
  readonly #serverOf: (node: string) => Server | undefined;
  /** Pairs of processes that don't reach each other, as `a b` in order of their names. */
  readonly blocked = new Set<string>();
  /** Probability that a request, or its answer, is lost; and how much slower it is, milliseconds. */
  lossy = 0;
  slowMs = 0;
  readonly #open = new Map<Process, Set<() => void>>();

  constructor(world: World, serverOf: (node: string) => Server | undefined) {
    this.world = world;
    this.#serverOf = serverOf;
  }

  setBlocked(a: string, b: string, isBlocked: boolean): void {
    const pair = [a, b].sort().join(' ');
    if (isBlocked) this.blocked.add(pair);
    else this.blocked.delete(pair);
  }

  /** Whoever waits for an answer of this process learns that there will be none. */
  died(process: Process): void {
    for (const reset of this.#open.get(process) ?? []) this.world.after(this.#delay(), reset);
    this.#open.delete(process);
  }

  #delay(): number {
    const { random } = this.world;
    return random.between(delayMs.least, delayMs.most) + random.next() * this.slowMs;
  }

  /** Rejects with `Unreachable`, or with what the node threw. */
  call<T>(from: Process, to: string, timeoutMs: number, serve: (node: StoreNode) => Promise<T>): Promise<T> {
    const { world } = this;
    from.boundary();
    return new Promise<T>((resolve, reject) => {
      let isOver = false;
      const end = (settle: () => void): void => {
        if (isOver) return;
        isOver = true;
        callOff();
        if (from.isAlive) settle();
      };
      const callOff = from.clock.after(timeoutMs, () => end(() => reject(new Unreachable('unanswered'))));
      const fail = (kind: Failure, ms: number): void =>
        world.after(ms, () => end(() => reject(new Unreachable(kind))), from);
      if (this.blocked.has([from.name, to].sort().join(' '))) return fail('not-sent', connectTimeoutMs);
      if (world.random.chance(this.lossy)) return;
      const sentAt = from.now;
      world.at(sentAt + this.#delay(), () => {
        const server = this.#serverOf(to);
        if (!server?.process.isAlive) return fail('not-sent', this.#delay());
        const reset = (): void => end(() => reject(new Unreachable('unanswered')));
        const open = this.#open.get(server.process) ?? new Set();
        this.#open.set(server.process, open.add(reset));
        const answer = (settle: () => void): void => {
          open.delete(reset);
          if (!server.process.isAlive || world.random.chance(this.lossy)) return;
          world.at(server.process.now + this.#delay(), () => end(settle), from);
        };
        world.after(
          0,
          () => {
            if (!server.node) return answer(() => reject(starting()));
            serve(server.node).then(
              (result) => answer(() => resolve(result)),
              (error) => {
                if (error instanceof Crashed) return;
                if (!(error instanceof DriftlessError)) world.onFault(server.process, error);
                answer(() => reject(error));
              },
            );
          },
          server.process,
        );
      });
    });
  }
}

function starting(): DriftlessError {
  return new DriftlessError('replica-unavailable', 'The node is starting.');
}

export interface PeerOptions {
  timeoutMs: number;
  urlOf(node: string): string | undefined;
  /** Takes what a peer sent for this node's replica of a shard. */
  receive(shard: number, copy: MemoryStore): void;
  /** What a peer has put aside to be sent. */
  copied(peer: string, shard: number): MemoryStore | undefined;
}

export function simPeers(network: Network, from: Process, options: PeerOptions): Peers {
  const ask = async <T>(peer: string, serve: (node: StoreNode) => Promise<T>): Promise<T | undefined> => {
    if (options.urlOf(peer) === undefined) return undefined;
    try {
      return await network.call(from, peer, options.timeoutMs, serve);
    } catch (error) {
      if (error instanceof Crashed) throw error;
      return undefined;
    }
  };
  return {
    async log(peer, shard, afterSeq, bytesMax) {
      const frame = await ask(peer, async (node) => answerLog(node.replica(shard), afterSeq, bytesMax));
      return frame && logPageOf(frame);
    },
    async rows(peer, shard, keys) {
      const frame = await ask(peer, (node) => answerRows(node.replica(shard), keys));
      return frame && rowsPageOf(frame);
    },
    ask: (peer, shard, question, header) =>
      ask(peer, (node) => answerQuestion(node.replica(shard).context, question, header)),
    async write(peer, shard, operation, value) {
      const { timeoutMs } = options;
      const header = { shard, ack: 'stream', timeoutMs, operations: [operation] };
      const body = encodeFrame(header, operation.op === 'put' ? [value] : []);
      const answer = await ask(peer, (node) => answerWrite(node, body));
      return answer?.results[0];
    },
    async snapshot(peer, shard) {
      const copy = await ask(peer, async (node) => {
        await copyFor(node.replica(shard));
        return options.copied(peer, shard);
      });
      if (copy) options.receive(shard, copy);
      return copy !== undefined;
    },
    close: () => Promise.resolve(),
  };
}

export interface HopOptions {
  answerTimeoutMs: { write: number; read: number; list: number };
}

/** A gateway's way to a node. */
export function simHop(network: Network, from: Process, node: string, url: string, options: HopOptions): Hop {
  const ask = async <T>(timeoutMs: number, serve: (node: StoreNode) => Promise<T>): Promise<T> => {
    try {
      return await network.call(from, node, timeoutMs, serve);
    } catch (error) {
      throw hopErrorOf(error, node);
    }
  };
  const framed = <Answer>(frame: Uint8Array) => {
    const { header, body } = decodeFrame(frame);
    return { answer: header as Answer, body };
  };
  const { answerTimeoutMs } = options;
  return {
    node,
    url,
    circuit: 'closed' satisfies Circuit,
    write: (header, values) => {
      const frame = encodeFrame(header, values);
      return ask(answerTimeoutMs.write, async (server) => copyOf(await answerWrite(server, frame)));
    },
    read: async (header, waitMs = 0) => {
      const frame = encodeFrame(header, []);
      return framed(await ask(answerTimeoutMs.read + waitMs, async (server) => answerRead(server, frame)));
    },
    list: async (header) => {
      const frame = encodeFrame(header, []);
      return framed(await ask(answerTimeoutMs.list, (server) => answerList(server, frame)));
    },
    close: () => Promise.resolve(),
  };
}

function copyOf(answer: WriteAnswer): WriteAnswer {
  return JSON.parse(JSON.stringify(answer)) as WriteAnswer;
}

/** What the adapter of HTTP makes of it (runtime/src/node-call.ts). */
export function nodeErrorOf(error: unknown, node: string): unknown {
  if (!(error instanceof Unreachable)) return error;
  return error.kind === 'not-sent'
    ? new DriftlessError('replica-unavailable', `${node} does not answer.`)
    : new DriftlessError('upstream-timeout', `${node} did not answer in time.`);
}

function hopErrorOf(error: unknown, node: string): unknown {
  if (error instanceof Crashed) return error;
  if (error instanceof Unreachable) {
    const code = error.kind === 'not-sent' ? 'replica-unavailable' : 'upstream-timeout';
    return new HopError(error.kind, code, `${node} did not answer.`);
  }
  const { code, detail, lost, stalenessMs, status } = problemOf(error);
  const more = { ...(lost && { lost }), ...(stalenessMs !== undefined && { stalenessMs }) };
  return new HopError(kindOfAnswer(status, code), code, `${node}: ${detail}`, { more });
}
