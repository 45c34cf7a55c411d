/** For tests: a real nats-server with JetStream on a free port, with its data in a directory of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort, waitUntil } from '@driftless/runtime';
import { connect, type NatsConnection } from '@nats-io/transport-node';

const cli = resolve(import.meta.dirname, '../../../cli/src/main.ts');
const startTimeoutMs = 30_000;

export class NatsServer {
  readonly #binary: string;
  readonly #directory = mkdtempSync(join(tmpdir(), 'driftless-nats-'));
  readonly #port: number;
  readonly #connections: NatsConnection[] = [];
  #child: ChildProcess | undefined;

  private constructor(binary: string, port: number) {
    this.#binary = binary;
    this.#port = port;
  }

  /** Found or installed the way users get it. */
  static async start(): Promise<NatsServer> {
    const binary = execFileSync(process.execPath, [cli, 'nats-server'], { encoding: 'utf8' }).trim();
    const server = new NatsServer(binary, await freePort());
    await server.start();
    return server;
  }

  /** Starts it on the data that it left. */
  async start(): Promise<void> {
    const args = ['-a', '127.0.0.1', '-p', String(this.#port), '-js', '-sd', this.#directory];
    this.#child = spawn(this.#binary, args, { stdio: 'ignore' });
    const ready = async (): Promise<boolean> => {
      const connection = await connect({ servers: this.url, reconnect: false, timeout: 1000 });
      await connection.close();
      return true;
    };
    await waitUntil(ready, { timeoutMs: startTimeoutMs, what: 'nats-server to take connections' });
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  /** A connection that comes back by itself; closed at the end. */
  async connect(): Promise<NatsConnection> {
    const reconnect = { maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0 };
    const connection = await connect({ servers: this.url, ...reconnect });
    this.#connections.push(connection);
    return connection;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Ends it and removes its data. */
  async dispose(): Promise<void> {
    for (const connection of this.#connections) await connection.close();
    await this.kill();
    rmSync(this.#directory, { recursive: true });
  }
}
