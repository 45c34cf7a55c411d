/**
 * The connection to NATS, as every process holds it.
 *
 * The client library reconnects by itself for ever; what is decided here is how soon it notices and how
 * loud it is. A ping every few seconds finds a dead peer that TCP would keep for minutes. Between attempts
 * it waits at random up to a second, so that a returning server isn't stampeded. The first connection is
 * awaited in a loop of our own, because the library's says neither why it waits nor can be told to stop.
 * A connection that closes although nobody asked is fatal: the library has given up (its credentials were
 * revoked, say), and a process without NATS that looks alive is worse than one that is restarted.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  connect,
  credsAuthenticator,
  errors,
  type NatsConnection,
  type NodeConnectionOptions,
  type Status,
} from '@nats-io/transport-node';
import { type Logger, redactUrl } from './log.ts';

export interface NatsLinkOptions {
  /** One or several, comma-separated: `nats://[user:pass@]host:port`, or `tls://…`. */
  readonly url: string;
  /** Name of this connection, as NATS's own monitoring shows it. */
  readonly name: string;
  readonly logger: Logger;
  /** A peer that misses two pings is gone. Default 2,000 ms. */
  readonly pingIntervalMs?: number | undefined;
  readonly user?: string | undefined;
  readonly pass?: string | undefined;
  /** Path of a `.creds` file, read at each connection. */
  readonly creds?: string | undefined;
  /** Given: the connection is encrypted, and checked by these; read at each connection. */
  readonly tls?: TlsFiles | undefined;
  readonly onStatus?: ((status: NatsLinkStatus) => void) | undefined;
  /** The connection closed although nobody asked. Default: thrown, so that the process ends. */
  readonly onFatal?: ((error: Error) => void) | undefined;
  /** Ends the wait for the first connection. */
  readonly signal?: AbortSignal | undefined;
}

export interface TlsFiles {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export type NatsLinkStatus =
  | { readonly type: 'connected'; readonly server: string }
  | { readonly type: 'disconnected'; readonly server: string }
  | { readonly type: 'stale' }
  | { readonly type: 'lame-duck'; readonly server: string }
  | { readonly type: 'error'; readonly error: Error };

export interface NatsLink {
  readonly nc: NatsConnection;
  isConnected(): boolean;
  /** Calls `listener` at every change from now on; the function it returns ends that. */
  onStatus(listener: (status: NatsLinkStatus) => void): () => void;
  /** Sends what is pending, then closes. Never takes longer than two seconds. */
  close(): Promise<void>;
}

const PING_INTERVAL_MS_DEFAULT = 2_000;
const PINGS_OUTSTANDING_MAX = 2;
const RECONNECT_DELAY_MS_MIN = 50;
const RECONNECT_DELAY_MS_MAX = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;
const STILL_WAITING_LOG_MS = 5_000;
const DRAIN_TIMEOUT_MS = 2_000;

export async function connectNats(options: NatsLinkOptions): Promise<NatsLink> {
  const { logger } = options;
  const nc = await firstConnection(options);
  const listeners = new Set<(status: NatsLinkStatus) => void>();
  if (options.onStatus !== undefined) listeners.add(options.onStatus);
  let connected = true;
  let closing = false;

  function tell(status: NatsLinkStatus): void {
    if (status.type === 'connected') connected = true;
    if (status.type === 'disconnected') connected = false;
    logStatus(logger, status);
    for (const listener of listeners) listener(status);
  }

  tell({ type: 'connected', server: nc.getServer() });
  void followStatus(nc, tell);
  void nc.closed().then((reason) => {
    connected = false;
    if (closing) return;
    const cause = reason instanceof Error ? reason : undefined;
    const error = new Error(`the NATS connection closed for good: ${cause?.message ?? 'no reason given'}`, {
      cause,
    });
    (options.onFatal ?? throwLater)(error);
  });

  return {
    nc,
    isConnected: () => connected && !nc.isClosed(),
    onStatus(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      if (closing) return;
      closing = true;
      if (connected)
        await Promise.race([
          nc.drain().catch(ignoreClosed),
          sleep(DRAIN_TIMEOUT_MS, undefined, { ref: false }),
        ]);
      if (!nc.isClosed()) await nc.close();
    },
  };
}

/** Tries until a server answers. Refused credentials end it: no waiting mends those. */
async function firstConnection(options: NatsLinkOptions): Promise<NatsConnection> {
  const { logger, signal } = options;
  const connectionOptions = libraryOptions(options);
  const url = redactUrl(options.url);
  const startedAt = performance.now();
  let nextLogAt = startedAt;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await connect(connectionOptions);
    } catch (error) {
      if (error instanceof errors.AuthorizationError || error instanceof errors.InvalidArgumentError)
        throw error;
      const now = performance.now();
      if (now >= nextLogAt) {
        nextLogAt = now + STILL_WAITING_LOG_MS;
        const waitedMs = Math.round(now - startedAt);
        logger.warn({ url, waitedMs, reason: messageOf(error) }, 'NATS does not answer yet, trying on');
      }
      await sleep(reconnectDelayMs(), undefined, signal === undefined ? {} : { signal });
    }
  }
}

function libraryOptions(options: NatsLinkOptions): NodeConnectionOptions {
  const servers = options.url.split(',').map((url) => parseServer(url.trim()));
  const user = options.user ?? servers[0]?.user;
  const pass = options.pass ?? servers[0]?.pass;
  const { creds } = options;
  return {
    servers: servers.map((server) => server.address),
    name: options.name,
    pingInterval: options.pingIntervalMs ?? PING_INTERVAL_MS_DEFAULT,
    maxPingOut: PINGS_OUTSTANDING_MAX,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: reconnectDelayMs,
    timeout: CONNECT_TIMEOUT_MS,
    // Else each request captures a stack in case it fails, which costs more than the request itself.
    noAsyncTraces: true,
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(options.tls !== undefined || servers.some((server) => server.tls) ? { tls: { ...options.tls } } : {}),
    ...(creds === undefined ? {} : { authenticator: credsAuthenticator(() => readFileSync(creds)) }),
  };
}

/** The library takes no credentials in a URL, people do write them there. */
function parseServer(text: string): { address: string; tls: boolean; user?: string; pass?: string } {
  const url = new URL(text.includes('://') ? text : `nats://${text}`);
  return {
    address: `${url.hostname}:${url.port || '4222'}`,
    tls: url.protocol === 'tls:',
    ...(url.username === '' ? {} : { user: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { pass: decodeURIComponent(url.password) }),
  };
}

async function followStatus(nc: NatsConnection, tell: (status: NatsLinkStatus) => void): Promise<void> {
  for await (const status of nc.status()) {
    const known = translate(status);
    if (known !== undefined) tell(known);
  }
}

function translate(status: Status): NatsLinkStatus | undefined {
  switch (status.type) {
    case 'disconnect':
      return { type: 'disconnected', server: status.server };
    case 'reconnect':
      return { type: 'connected', server: status.server };
    case 'staleConnection':
      return { type: 'stale' };
    case 'ldm':
      return { type: 'lame-duck', server: status.server };
    case 'error':
      return { type: 'error', error: status.error };
    default:
      return undefined;
  }
}

function logStatus(logger: Logger, status: NatsLinkStatus): void {
  switch (status.type) {
    case 'connected':
      logger.info({ server: status.server }, 'connected to NATS');
      break;
    case 'disconnected':
      logger.warn({ server: status.server }, 'lost the connection to NATS, reconnecting');
      break;
    case 'stale':
      logger.warn('NATS misses pings, the connection is given up');
      break;
    case 'lame-duck':
      logger.warn({ server: status.server }, 'this NATS server is about to stop');
      break;
    case 'error':
      logger.warn({ err: status.error }, 'NATS reported an error');
      break;
  }
}

function reconnectDelayMs(): number {
  return RECONNECT_DELAY_MS_MIN + Math.random() * (RECONNECT_DELAY_MS_MAX - RECONNECT_DELAY_MS_MIN);
}

function throwLater(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}

function ignoreClosed(error: unknown): void {
  if (!(error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError))
    throw error;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
