/**
 * A server for the tests of plain requests: `/way/*` echoes what it was asked, by the same handler whichever
 * way a request goes. It counts the requests that went by Node, and keeps what its handler saw.
 */
import { connect, type Socket } from 'node:net';
import { DriftlessError } from '@driftless/contracts';
import type { PlainReply, PlainRequest } from '../http-exchange.ts';
import type { HotRoute, PlainHooks, PlainTimeouts } from '../http-plain.ts';
import { createHttpServer, type HttpServer } from '../http-server.ts';
import { createLogger } from '../log.ts';
import { createTelemetry, type Telemetry } from '../telemetry.ts';

export const bodyBytesMax = 64;

export interface PlainAppOptions {
  /** Whether plain requests have a way of their own. Default: they have. */
  readonly isPlain?: boolean;
  readonly hooks?: PlainHooks;
  readonly turnRequestsMax?: number;
  readonly timeouts?: Partial<PlainTimeouts>;
}

export class PlainApp {
  readonly app: HttpServer;
  readonly telemetry: Telemetry;
  readonly port: number;
  readonly logged: string[];
  /** Targets and bodies, in the order in which they came. */
  readonly seen: string[];
  /** Requests that Node's parser has read. */
  byNode = 0;
  /** What `/way/held` waits for. */
  hold: PromiseWithResolvers<void>;

  private constructor(parts: Pick<PlainApp, 'app' | 'telemetry' | 'port' | 'logged' | 'seen' | 'hold'>) {
    this.app = parts.app;
    this.telemetry = parts.telemetry;
    this.port = parts.port;
    this.logged = parts.logged;
    this.seen = parts.seen;
    this.hold = parts.hold;
    this.app.server.on('request', () => {
      this.byNode += 1;
    });
  }

  static async start(options: PlainAppOptions = {}): Promise<PlainApp> {
    const { isPlain = true, hooks, timeouts, turnRequestsMax } = options;
    const seen: string[] = [];
    const logged: string[] = [];
    const hold = Promise.withResolvers<void>();
    const handler = async (request: PlainRequest, reply: PlainReply): Promise<void> => {
      await answer(request, reply, seen, hold.promise);
    };
    const routes: HotRoute[] = [
      { method: 'PUT', url: '/way/*', bodyBytesMax, handler },
      { method: 'GET', url: '/way/*', bodyBytesMax: 0, handler },
      { method: 'POST', url: '/exact', bodyBytesMax: 1_000_000, contentType: 'application/x-frame', handler },
    ];
    const telemetry = createTelemetry({ service: 'test', instance: 'test-1' });
    const destination = { write: (line: string) => void logged.push(line) };
    const app = await createHttpServer({
      logger: createLogger({ process: 'test', instance: 'test-1', level: 'info', destination }),
      telemetry,
      bodyLimit: bodyBytesMax,
      ready: () => ({ ok: true }),
      timeouts,
      ...(isPlain && { plain: { routes, hooks, turnRequestsMax } }),
    });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.route({ method: ['GET', 'PUT'], url: '/way/*', handler });
    app.route({ method: 'POST', url: '/exact', bodyLimit: 1_000_000, handler });
    const port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port);
    return new PlainApp({ app, telemetry, port, logged, seen, hold });
  }

  async metric(series: string): Promise<number> {
    const line = (await this.telemetry.metricsText()).split('\n').find((one) => one.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1) ?? 0);
  }

  async stop(): Promise<void> {
    this.hold.resolve();
    await this.app.close();
    await this.telemetry.shutdown();
  }
}

async function answer(
  { url, body }: PlainRequest,
  reply: PlainReply,
  seen: string[],
  hold: Promise<void>,
): Promise<void> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  seen.push(`${url} ${bytes.toString('latin1')}`);
  reply.header('x-seen', 'yes');
  if (url === '/way/held') await hold;
  if (url === '/way/refused') throw new DriftlessError('overloaded', 'Not now.', { retryAfterSeconds: 1.2 });
  if (url === '/way/broken') throw new Error('SELECT secret FROM /var/lib');
  if (url === '/way/unchanged') return void reply.code(304).send();
  if (url === '/way/text') return void reply.type('text/plain').send('grüße €');
  if (url === '/way/large') return void reply.type('application/x-large').send(Buffer.alloc(32_000_000, 'x'));
  if (url === '/way/odd-header') reply.header('x-odd', 'a\r\nSet-Cookie: b');
  reply
    .code(201)
    .type('application/x-echo')
    .send(Buffer.from(`${url} ${bytes.toString('latin1')}`, 'latin1'));
}

/** A client that writes bytes and keeps what comes back. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  received = '';

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.received += text;
    });
    this.socket.on('end', () => this.socket.end());
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.socket.on('close', resolve));
  }

  /** Writes it piece by piece, each in a turn of the event loop of its own at least. Rejects when closed. */
  async send(...pieces: (string | Uint8Array)[]): Promise<this> {
    for (const piece of pieces) {
      await new Promise<void>((resolve, reject) => {
        this.socket.write(piece, 'latin1', (error) => (error ? reject(error) : resolve()));
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    return this;
  }

  /** The answers so far, each with its head and body. */
  get answers(): string[] {
    return this.received === '' ? [] : this.received.split(/(?=HTTP\/1\.1 \d{3} )/);
  }
}

export const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n${more}\r\n`;

export const put = (path: string, body: string, more = ''): string =>
  `PUT ${path} HTTP/1.1\r\nHost: test\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
