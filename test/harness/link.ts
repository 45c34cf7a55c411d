/**
 * A TCP link that can be made bad: everything between two processes goes through it. It stands for what
 * toxiproxy does, within the test's own process, so that these faults need no further program and no root
 * (packets.ts does the like in the kernel, where there is root).
 *
 * - `cut()`: connections are reset and new ones refused, as by a firewall that answers.
 * - `hold(direction)`: bytes of that direction, and the ends of connections, don't arrive: a partition or a
 *   half-open connection, which neither side is told of. What was held arrives when it heals, as TCP's
 *   retransmission would do, or never when the connections are then reset.
 * - `slow(latencyMs, bytesPerSecond)`: bytes arrive late and few at a time.
 */
import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';

export type Direction = 'to-client' | 'to-server' | 'both';

interface Pipe {
  from: Socket;
  to: Socket;
  direction: Exclude<Direction, 'both'>;
  /** When the last chunk that is on its way arrives, by `performance.now()`. */
  arrivesAt: number;
  /** Bytes on their way. */
  bytes: number;
}

const host = '127.0.0.1';
const chunkBytes = 64 * 1024;
const roomBytesMax = 16 * 1024 * 1024;

export class Link {
  /** Where it listens. */
  readonly port: number;
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  #held: Direction | undefined;
  #isCut = false;
  #latencyMs = 0;
  #bytesPerSecond = Number.POSITIVE_INFINITY;

  private constructor(port: number, targetPort: number) {
    this.port = port;
    this.#targetPort = targetPort;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  static async open(port: number, targetPort: number): Promise<Link> {
    const link = new Link(port, targetPort);
    link.#server.listen(port, host);
    await once(link.#server, 'listening');
    return link;
  }

  cut(): void {
    this.#isCut = true;
    this.#reset();
  }

  hold(direction: Direction): void {
    this.#held = direction;
  }

  slow(latencyMs: number, bytesPerSecond = Number.POSITIVE_INFINITY): void {
    this.#latencyMs = latencyMs;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** As good as new. `reset`: connections that there were end, and what was held never arrives. */
  heal({ reset = false } = {}): void {
    if (reset) this.#reset();
    this.#isCut = false;
    this.#held = undefined;
    this.#latencyMs = 0;
    this.#bytesPerSecond = Number.POSITIVE_INFINITY;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const goOn of waiting) goOn();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    this.heal();
    await once(this.#server, 'close');
  }

  #reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#sockets.clear();
  }

  #accept(client: Socket): void {
    if (this.#isCut) return void client.resetAndDestroy();
    const server = new Socket({ allowHalfOpen: true });
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      // The other side hears of it by the reset below.
      socket.on('error', () => undefined);
    }
    const end = (other: Socket) => () => {
      this.#sockets.delete(other);
      void this.#passage('both').then(() => other.destroy());
    };
    client.on('close', end(server));
    server.on('close', end(client));
    server.connect(this.#targetPort, host);
    void this.#pump({ from: client, to: server, direction: 'to-server', arrivesAt: 0, bytes: 0 });
    void this.#pump({ from: server, to: client, direction: 'to-client', arrivesAt: 0, bytes: 0 });
  }

  async #pump(pipe: Pipe): Promise<void> {
    const { from, to, direction } = pipe;
    let arrived = Promise.resolve();
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        const arrivesAt = this.#arrival(pipe, chunk.length);
        pipe.bytes += chunk.length;
        arrived = arrived.then(() => this.#deliver(pipe, chunk, arrivesAt));
        if (pipe.bytes >= this.#roomBytes) await arrived;
      }
      await arrived;
      await this.#passage(direction);
      to.end();
    } catch {
      // A connection that broke: its `close` tells the other side.
    }
  }

  /** Bytes that a slow line holds: a fast sender is slowed down by it, as by a line's own bandwidth. */
  get #roomBytes(): number {
    return Math.min(roomBytesMax, chunkBytes + (this.#bytesPerSecond * this.#latencyMs) / 1000);
  }

  /** When what is sent now arrives; 0: at once. */
  #arrival(pipe: Pipe, bytes: number): number {
    if (this.#latencyMs === 0 && !Number.isFinite(this.#bytesPerSecond)) return 0;
    const takesMs = (bytes / this.#bytesPerSecond) * 1000;
    pipe.arrivesAt = Math.max(performance.now() + this.#latencyMs, pipe.arrivesAt) + takesMs;
    return pipe.arrivesAt;
  }

  async #deliver(pipe: Pipe, chunk: Buffer, arrivesAt: number): Promise<void> {
    const { to, direction } = pipe;
    const waitMs = (): number => Math.ceil(arrivesAt - performance.now());
    // A timer may fire a part of a millisecond early.
    while (waitMs() > 0) await new Promise((resolve) => setTimeout(resolve, waitMs()));
    await this.#passage(direction);
    pipe.bytes -= chunk.length;
    if (to.destroyed || to.write(chunk)) return;
    await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => undefined);
  }

  /** Resolves when nothing of this direction is held. */
  async #passage(direction: Direction): Promise<void> {
    const isHeld = (): boolean =>
      this.#held !== undefined && (this.#held === 'both' || direction === 'both' || this.#held === direction);
    while (isHeld()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }
}
