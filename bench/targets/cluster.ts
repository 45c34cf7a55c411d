/** Our own cluster, as `npm start` has it: nats-server, nodes, gateway, anti-entropy. */
import { answerHeaders, type BatchAnswer } from '@driftless/contracts';
import { waitUntil } from '@driftless/runtime';
import { type ClusterOptions, TestCluster } from '@driftless/test';
import { jsonOf, keyOf, type LoadRequest } from '../load/plan.ts';
import type { Buckets } from '../statistics.ts';
import type { Ask, Charged, Target } from './target.ts';

/** What `bounded` reads ask for. */
const maxStalenessMs = 1000;
const pageOperations = 500;
const pageBytes = 2 * 1024 * 1024;
const pagesAtOnce = 4;
const fillMsMax = 60_000;
const againAfterMs = 200;
const json = { 'content-type': 'application/json' };

interface Put {
  op: 'put';
  key: string;
  value: unknown;
}

export class ClusterTarget implements Target {
  readonly cluster: TestCluster;
  readonly ports: readonly number[];

  /** The last that was filled in: what is put since then is of that size. */
  #filled = { keys: 0, valueBytes: 0 };

  private constructor(cluster: TestCluster, urls: readonly string[]) {
    this.cluster = cluster;
    this.ports = urls.map((url) => Number(new URL(url).port));
  }

  /** With so many gateways, which take connections by turns. */
  static async start(options: ClusterOptions, gateways = 1): Promise<ClusterTarget> {
    const cluster = await TestCluster.start(options);
    try {
      const urls = [cluster.gatewayUrl];
      for (let number = 2; number <= gateways; number += 1) {
        urls.push((await cluster.addGateway(`gateway-${number}`)).url);
      }
      return new ClusterTarget(cluster, urls);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Where one shard has one leader, it is told from its followers; several are spread over all nodes. */
  async charged(): Promise<Charged[]> {
    const { cluster } = this;
    const leader = cluster.shardCount === 1 ? await cluster.leaderOf(0) : undefined;
    const nameOf = (name: string): string => {
      if (name.startsWith('nats')) return 'nats-server';
      if (!name.startsWith('node-')) return name.replace(/-\d+$/, '');
      if (leader === undefined) return 'nodes';
      return name === leader ? 'leader' : 'followers';
    };
    return cluster.processes.flatMap(({ name, pid }) =>
      pid === undefined ? [] : [{ name: nameOf(name), pid }],
    );
  }

  async request({ what, ack, level, valueBytes }: Ask): Promise<LoadRequest> {
    if (what === 'put') return { method: 'PUT', path: `/v1/kv/{key}?ack=${ack}`, body: jsonOf(valueBytes) };
    if (what === 'increment') {
      return { method: 'POST', path: `/v1/counters/counter-{key}/increment?ack=${ack}`, body: '{"by":1}' };
    }
    const bound = level === 'bounded' ? `&maxStalenessMs=${maxStalenessMs}` : '';
    const headers = level === 'session' ? { [answerHeaders.session]: await this.#session() } : {};
    return { method: 'GET', path: `/v1/kv/{key}?consistency=${level}${bound}`, headers };
  }

  /** A session that has written in every shard. */
  async #session(): Promise<string> {
    const { cluster } = this;
    const wanted = new Set(Array.from({ length: cluster.shardCount }, (_, shard) => shard));
    let token = '';
    for (let number = 0; wanted.size > 0; number += 1) {
      const key = `session-${number}`;
      if (!wanted.delete(cluster.shardOf(key))) continue;
      const answer = await fetch(`${cluster.gatewayUrl}/v1/kv/${key}`, {
        method: 'PUT',
        body: '1',
        headers: { ...json, ...(token !== '' && { [answerHeaders.session]: token }) },
      });
      await answer.arrayBuffer();
      token = answer.headers.get(answerHeaders.session) ?? '';
      if (!answer.ok || token === '') throw new Error(`No session: PUT answered ${answer.status}`);
    }
    return token;
  }

  async fill(keys: number, valueBytes: number): Promise<void> {
    const isThere = this.#filled.valueBytes === valueBytes;
    if (isThere && this.#filled.keys >= keys) return;
    const value: unknown = JSON.parse(jsonOf(valueBytes));
    const page = Math.min(pageOperations, Math.ceil(pageBytes / valueBytes));
    let next = isThere ? this.#filled.keys : 0;
    const work = async (): Promise<void> => {
      while (next < keys) {
        const numbers = Array.from({ length: Math.min(page, keys - next) }, (_, i) => next + i);
        next += numbers.length;
        await this.#putAll(numbers.map((number) => ({ op: 'put' as const, key: keyOf(number), value })));
      }
    };
    await Promise.all(Array.from({ length: pagesAtOnce }, work));
    this.#filled = { keys, valueBytes };
  }

  /**
   * On all replicas when it resolves, so that any of them has what is read next. What is refused, say because
   * leadership just moved, is put again.
   */
  async #putAll(operations: readonly Put[]): Promise<void> {
    const url = `${this.cluster.gatewayUrl}/v1/batch?ack=all`;
    let open = operations;
    const putThem = async (): Promise<boolean> => {
      const body = JSON.stringify({ operations: open });
      const answer = await fetch(url, { method: 'POST', headers: json, body });
      if (!answer.ok) throw new Error(`POST /v1/batch answered ${answer.status}: ${await answer.text()}`);
      const { results } = (await answer.json()) as BatchAnswer;
      open = open.filter((_, i) => results[i]?.problem !== undefined);
      return open.length === 0;
    };
    await waitUntil(putThem, { timeoutMs: fillMsMax, intervalMs: againAfterMs, what: 'all keys to be put' });
  }

  async lagBuckets(): Promise<Buckets> {
    const counts = new Map<number, number>();
    for (const { name } of this.cluster.nodes) {
      const text = await (await fetch(`${this.cluster.nodeUrl(name)}/metrics`)).text();
      for (const match of text.matchAll(
        /^replication_lag_at_apply_seconds_bucket\{.*le="([^"]+)".*\} (\d+)/gm,
      )) {
        const bound = match[1] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[1]);
        counts.set(bound, (counts.get(bound) ?? 0) + Number(match[2]));
      }
    }
    return counts;
  }

  async counter(): Promise<number> {
    const url = `${this.cluster.gatewayUrl}/v1/kv/counter-${keyOf(0)}?consistency=leader`;
    const answer = await fetch(url);
    const text = await answer.text();
    if (answer.status === 404) return 0;
    if (!answer.ok) throw new Error(`GET of the counter: ${answer.status} ${text}`);
    return Number(text);
  }

  stop(): Promise<void> {
    return this.cluster.stop();
  }
}
