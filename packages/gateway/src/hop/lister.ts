/**
 * Listings: one ordered page out of all shards. Each shard is read from one replica of the level asked for,
 * page by page as the merge needs them; a page of ours ends at its limit of entries or of bytes.
 */
import {
  DriftlessError,
  type Freshness,
  isLeaderLevel,
  type ListAnswer,
  type ListHeader,
  PayloadReader,
  type Standing,
} from '@driftless/contracts';
import { type Clock, type TraceSpan, tellOutcome } from '@driftless/runtime';
import { ListMerge } from '../core/list-merge.ts';
import { type FailureDetails, HopError, mayReadElsewhere } from '../core/outcome.ts';
import type { GatewayTelemetry } from '../telemetry.ts';
import type { Framed, Hop } from './connection.ts';
import type { NodeDirectory } from './directory.ts';
import { noReplica, type Reader } from './reader.ts';
import type { RoutingTable } from './routing-table.ts';

export type ListedEntry = ListAnswer['entries'][number] & { value: Uint8Array };

export interface ListRequest {
  prefix: string;
  /** Only keys after this one; empty for the start. */
  after: string;
  limit: number;
  values: boolean;
  /** How fresh the entries of a shard must be. */
  freshnessOf(shard: number): Freshness;
  /** Where the request is traced. */
  span?: TraceSpan | undefined;
}

export interface ListPage {
  entries: ListedEntry[];
  /** There may be more after the last entry. */
  more: boolean;
  /** Who served which shard, and where it stood: by shard number. */
  served: { shard: number; node: string; standing: Standing }[];
}

export interface ListerOptions {
  routeWaitMs: number;
  /** Bytes of values in one page. */
  bytesMax: number;
  retryMs: number;
}

const noValue = new Uint8Array(0);

export class Lister {
  readonly #options: ListerOptions;
  readonly #routing: RoutingTable;
  readonly #directory: NodeDirectory;
  readonly #reader: Reader;
  readonly #telemetry: GatewayTelemetry;
  readonly #clock: Clock;

  constructor(
    options: ListerOptions,
    parts: {
      routing: RoutingTable;
      directory: NodeDirectory;
      reader: Reader;
      telemetry: GatewayTelemetry;
      clock: Clock;
    },
  ) {
    this.#options = options;
    this.#routing = parts.routing;
    this.#directory = parts.directory;
    this.#reader = parts.reader;
    this.#telemetry = parts.telemetry;
    this.#clock = parts.clock;
  }

  /** Throws `DriftlessError` when a shard can't be listed. */
  async list(request: ListRequest, shardCount: number): Promise<ListPage> {
    const merge = new ListMerge<ListedEntry>(shardCount, request.after);
    const served = new Map<number, ListPage['served'][number]>();
    const entries: ListedEntry[] = [];
    let bytes = 0;
    while (entries.length < request.limit && bytes < this.#options.bytesMax) {
      const entry = merge.take();
      if (entry !== undefined) {
        entries.push(entry);
        bytes += entry.value.length;
        continue;
      }
      if (merge.ended) break;
      const limit = pageLimit(request.limit - entries.length, shardCount);
      await Promise.all(
        merge.needs().map(async ({ shard, after }) => {
          const { prefix, values } = request;
          const freshness = request.freshnessOf(shard);
          const page = await this.#page({ shard, ...freshness, prefix, after, limit, values }, request.span);
          merge.supply(shard, page.entries, page.more);
          served.set(shard, { shard, node: page.node, standing: page.standing });
        }),
      );
    }
    const inOrder = [...served.values()].sort((a, b) => a.shard - b.shard);
    return { entries, more: !merge.ended, served: inOrder };
  }

  async #page(
    header: ListHeader,
    span: TraceSpan | undefined,
  ): Promise<{ entries: ListedEntry[]; more: boolean; node: string; standing: Standing }> {
    const deadlineAt = this.#clock.monotonic() + this.#options.routeWaitMs;
    const tried: string[] = [];
    const onlyLeader = isLeaderLevel(header.level);
    let failure: { code: HopError['code']; detail: string } & FailureDetails = noReplica;
    for (;;) {
      const node = this.#nodeFor(header, tried);
      const connection = node === undefined ? undefined : this.#directory.to(node);
      if (connection !== undefined) {
        try {
          return whole(connection.node, header.values, await tracedList(connection, header, span));
        } catch (error) {
          if (!(error instanceof HopError)) throw error;
          failure = { code: error.code, detail: error.message, ...error.more };
          if (!mayReadElsewhere(error.code)) break;
          tried.push(connection.node);
        }
      } else if (!onlyLeader) break;
      else failure = { code: 'no-leader', detail: 'No node has led the shard in time.' };
      if (this.#clock.monotonic() >= deadlineAt) break;
      this.#telemetry.retried('list', 1);
      if (onlyLeader) await this.#clock.sleep(this.#options.retryMs);
    }
    throw new DriftlessError(failure.code, failure.detail, failure);
  }

  #nodeFor({ level, shard }: ListHeader, tried: readonly string[]): string | undefined {
    return isLeaderLevel(level) ? this.#routing.targetOf(shard)?.node : this.#reader.choose(shard, tried);
  }
}

/** A fair share for each shard and some more, so that one round mostly does. */
function pageLimit(wanted: number, shardCount: number): number {
  return Math.min(wanted, Math.ceil((wanted / shardCount) * 1.5) + 8);
}

async function tracedList(
  connection: Hop,
  header: ListHeader,
  span: TraceSpan | undefined,
): Promise<Framed<ListAnswer>> {
  if (span === undefined) return connection.list(header);
  const attributes = { 'driftless.node': connection.node, 'driftless.shard': header.shard };
  const hop = span.child('hop list', { role: 'client', attributes });
  try {
    return await connection.list({ ...header, traceparent: hop.traceparent });
  } catch (error) {
    if (error instanceof HopError) tellOutcome(hop, error.code);
    throw error;
  } finally {
    hop.end();
  }
}

function whole(
  node: string,
  hasValues: boolean,
  { answer, body }: Framed<ListAnswer>,
): { entries: ListedEntry[]; more: boolean; node: string; standing: Standing } {
  const payloads = new PayloadReader(body);
  const entries = answer.entries.map((entry) => ({
    ...entry,
    value: hasValues && entry.bytes > 0 ? payloads.take(entry.bytes) : noValue,
  }));
  return { entries, more: answer.more, node, standing: answer.standing };
}
