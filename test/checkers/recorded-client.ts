/**
 * A client whose every operation stands in a history: `invoke` before the request, then its end. What the end
 * is decides whether a checker can be exact:
 *
 * - `ok`: answered. A missing key is an answer to a read, with a position.
 * - `fail`: certainly without effect, now and later: the leader judged and refused it, or a single attempt
 *   came back with "nothing was done". Where the client may have tried several times, an earlier attempt may
 *   have been done, so a last "nothing was done" proves nothing.
 * - `info`: everything else.
 *
 * A session that is told that its past was rolled back begins anew, under another name; that is what being
 * told means to a checker.
 */

import type { Ending, HistoryWriter, Invocation } from '@driftless/checkers';
import { ClientError, type DriftlessClient } from '@driftless/client';
import {
  type AckLevel,
  type ErrorCode,
  formatPosition,
  type Position,
  parsePosition,
  type ReadLevel,
} from '@driftless/contracts';

export interface RecordedClientParts {
  client: DriftlessClient;
  writer: Pick<HistoryWriter, 'invoke' | 'end'>;
  /** Who asks. One operation at a time. */
  process: string;
  /** The client may send one request several times. */
  retries: boolean;
  /** Name of the replica that a node holds now; another one after its data was put back or lost. */
  replicaOf?: (node: string) => string;
}

export interface RecordedWrite {
  ack: AckLevel;
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
}

export interface RecordedRead {
  consistency: ReadLevel;
  maxStalenessMs?: number | undefined;
}

/** What became of an operation, as the caller may want to know it. */
export interface Outcome {
  type: 'ok' | 'fail' | 'info';
  /** Version written or read. */
  version?: string | undefined;
  error?: ErrorCode | undefined;
}

interface Told {
  node?: string;
  position?: string;
  version?: string;
}

/** The leader, or the gateway before it asked one, judged the request and refused it. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'precondition-failed',
  'key-not-found',
  'not-a-counter',
  'counter-overflow',
]);

export class RecordedClient {
  readonly #parts: RecordedClientParts;
  #sessions = 1;

  constructor(parts: RecordedClientParts) {
    this.#parts = parts;
  }

  get session(): string {
    return `${this.#parts.process}/${this.#sessions}`;
  }

  put(key: string, value: string, options: RecordedWrite): Promise<Outcome> {
    const asked = { operation: 'put' as const, key, value, ...conditionsOf(options) };
    return this.#write(asked, () => this.#parts.client.put(key, value, options));
  }

  delete(key: string, options: RecordedWrite): Promise<Outcome> {
    const asked = { operation: 'delete' as const, key, ...conditionsOf(options) };
    return this.#write(asked, () => this.#parts.client.delete(key, options));
  }

  increment(key: string, by: number, { ack }: Pick<RecordedWrite, 'ack'>): Promise<Outcome> {
    return this.#write({ operation: 'increment', key, by, ack }, async () => {
      const { value, ...counted } = await this.#parts.client.increment(key, by, { ack });
      return { ...counted, value: String(value) };
    });
  }

  async get(key: string, options: RecordedRead): Promise<Outcome> {
    const { consistency } = options;
    const asked = { operation: 'get' as const, key, consistency };
    return this.#recorded(asked, async () => {
      try {
        const read = await this.#parts.client.get(key, options);
        const value = new TextDecoder().decode(read.value);
        return { type: 'ok', ...this.#seenAt(read), value };
      } catch (error) {
        if (!(error instanceof ClientError) || error.code !== 'key-not-found') throw error;
        return { type: 'ok', ...this.#seenAt(error.standing), value: null };
      }
    });
  }

  async list(prefix: string, options: RecordedRead): Promise<Outcome> {
    const { consistency } = options;
    return this.#recorded({ operation: 'list', prefix, consistency }, async () => {
      const { entries } = await this.#parts.client.list({ prefix, ...options });
      const listed = entries.map(({ key, version, value }) => {
        return { key, value: String(value), ...positionOf('version', version) };
      });
      return { type: 'ok', entries: listed };
    });
  }

  #write(asked: Asked, send: () => Promise<Told & { value?: string }>): Promise<Outcome> {
    return this.#recorded(asked, async () => {
      const told = await send();
      const { version = '', position = '' } = told;
      // A retry may be answered by the leader of a later epoch than the one that did it.
      const isServer = parsePosition(version)?.epoch === parsePosition(position)?.epoch;
      return {
        type: 'ok',
        ...(isServer && told.node !== undefined && { node: told.node }),
        ...positionOf('version', told.version),
        ...positionOf('position', told.position),
        ...(told.value !== undefined && { value: told.value }),
      };
    });
  }

  async #recorded(asked: Asked, perform: () => Promise<Ending>): Promise<Outcome> {
    const { writer, process } = this.#parts;
    const id = writer.invoke({ ...asked, process, session: this.session } as Invocation);
    try {
      const ending = await perform();
      writer.end(id, ending);
      const version = 'version' in ending ? ending.version : undefined;
      return { type: ending.type, version: version && formatPosition(version) };
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const ending = this.#endingOf(error, asked);
      writer.end(id, ending);
      return { type: ending.type, version: error.version, error: error.code };
    }
  }

  #endingOf(error: ClientError, { operation }: Asked): Ending {
    const { code, status, version } = error;
    if (code === 'session-rolled-back') this.#sessions += 1;
    const isRead = operation === 'get' || operation === 'list';
    if (isRead || this.#isWithoutEffect(error)) return { type: 'fail', error: code, status };
    return { type: 'info', error: code, status, ...positionOf('version', version) };
  }

  #isWithoutEffect({ code, nothingDone }: ClientError): boolean {
    if (refusals.has(code)) return true;
    return !this.#parts.retries && (nothingDone || code === 'session-rolled-back');
  }

  #seenAt({ node, position, version }: Told) {
    return {
      ...(node !== undefined && { node: this.#parts.replicaOf?.(node) ?? node }),
      ...positionOf('version', version),
      ...positionOf('position', position),
    };
  }
}

type Asked = { operation: Invocation['operation'] } & Record<string, unknown>;

function conditionsOf({ ack, ifMatch, ifNoneMatch }: RecordedWrite) {
  return {
    ack,
    ...(ifMatch !== undefined && { ifMatch: versionsOf(ifMatch) }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch: versionsOf(ifNoneMatch) }),
  };
}

function versionsOf(condition: string) {
  if (condition === '*') return '*' as const;
  const version = parsePosition(condition);
  if (!version) throw new TypeError(`${condition} is no version`);
  return [version];
}

function positionOf<Name extends string>(name: Name, text: string | undefined) {
  const position = text === undefined ? undefined : parsePosition(text);
  return (position ? { [name]: position } : {}) as Partial<Record<Name, Position>>;
}
