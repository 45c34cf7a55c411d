/** As much of the NATS protocol as a connection needs: INFO, CONNECT, PING and PONG. For tests. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

export class FakeNatsServer {
  /** What clients sent with CONNECT, in order. */
  readonly connects: Record<string, unknown>[] = [];
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #hanging = false;
  #refuse = false;

  constructor(port: number) {
    this.#port = port;
  }

  async start({ refuse = false } = {}): Promise<void> {
    this.#refuse = refuse;
    this.#hanging = false;
    this.#server = createServer((socket) => this.#serve(socket)).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Goes on holding its connections, and says nothing any more. */
  hang(): void {
    this.#hanging = true;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, 'close');
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const info = { server_id: 'fake', version: '2.10.0', proto: 1, headers: true, max_payload: 1_048_576 };
    socket.write(`INFO ${JSON.stringify({ ...info, auth_required: this.#refuse })}\r\n`);
    let pending = '';
    socket.on('data', (chunk) => {
      const lines = (pending + chunk.toString()).split('\r\n');
      pending = lines.pop() ?? '';
      for (const line of lines) this.#answer(line, socket);
    });
  }

  #answer(line: string, socket: Socket): void {
    if (this.#hanging) return;
    if (line.startsWith('CONNECT ')) {
      this.connects.push(JSON.parse(line.slice('CONNECT '.length)) as Record<string, unknown>);
      if (this.#refuse) socket.end("-ERR 'Authorization Violation'\r\n");
    } else if (line === 'PING' && !this.#refuse) socket.write('PONG\r\n');
  }
}
