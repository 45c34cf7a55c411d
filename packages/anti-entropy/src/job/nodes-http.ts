/** HTTP adapter of what the job asks of nodes (contracts/src/exchange.ts). */
import {
  type ExchangeAnswer,
  type ExchangeHeader,
  exchangeAnswerSchema,
  type ScrubHeader,
  traceHeaders,
  type VerifiedHeader,
} from '@driftless/contracts';
import { callNode, type NodeCall } from '@driftless/runtime';
import type { Nodes } from './ports.ts';

export interface HttpNodesOptions {
  /** Where a node is reached (http://host:port), as far as it has told. */
  urlOf(node: string): string | undefined;
  /** How long exchanges and scrubs may take, milliseconds. */
  exchangeTimeoutMs: number;
}

export class HttpNodes implements Nodes {
  readonly #options: HttpNodesOptions;

  constructor(options: HttpNodesOptions) {
    this.#options = options;
  }

  async exchange(
    node: string,
    shard: number,
    header: ExchangeHeader,
    signal: AbortSignal,
    traceparent?: string,
  ): Promise<ExchangeAnswer> {
    const { exchangeTimeoutMs: timeoutMs } = this.#options;
    const headers = traceparent === undefined ? undefined : { [traceHeaders.parent]: traceparent };
    const call = { body: header, headers, timeoutMs, signal };
    return exchangeAnswerSchema.parse(await this.#post(node, shard, 'exchange', call));
  }

  async restore(node: string, shard: number, signal: AbortSignal): Promise<void> {
    await this.#post(node, shard, 'restore', { signal });
  }

  async scrub(node: string, shard: number, header: ScrubHeader, signal: AbortSignal): Promise<void> {
    const { exchangeTimeoutMs: timeoutMs } = this.#options;
    await this.#post(node, shard, 'scrub', { body: header, timeoutMs, signal });
  }

  async verified(node: string, shard: number, header: VerifiedHeader, signal: AbortSignal): Promise<void> {
    await this.#post(node, shard, 'verified', { body: header, signal });
  }

  #post(
    node: string,
    shard: number,
    what: string,
    call: Pick<NodeCall, 'body' | 'headers' | 'timeoutMs' | 'signal'>,
  ): Promise<unknown> {
    const path = `/node/v1/shards/${shard}/${what}`;
    return callNode(node, this.#options.urlOf(node), { method: 'POST', path, ...call });
  }
}
