/** The receiver of traces is away: the store does its work, drops spans within a bound, and ends in time. */
import { freePort } from '@driftless/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';

const writes = 3000;
const atOnce = 32;
/** What a process may take to end, milliseconds: far less than it gives its drain. */
const endMsMax = 6_000;

describe('a receiver of traces that is away', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      OTEL_TRACES_SAMPLER_ARG: '1',
    };
    cluster = await TestCluster.start({ shards: 1, nodeEnv: env, gatewayEnv: env, antiEntropy: env });
  });
  afterAll(() => cluster?.stop());

  async function lost(url: string): Promise<Record<string, number>> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const found = text.matchAll(/^trace_spans_lost_total\{reason="([^"]+)"\} (\d+)$/gm);
    return Object.fromEntries([...found].map(([, reason, count]) => [reason, Number(count)]));
  }

  it('costs no request, and shows in the metrics and once in the log', async () => {
    let next = 0;
    let failed = 0;
    const work = async (): Promise<void> => {
      for (let i = next++; i < writes; i = next++) {
        const answer = await fetch(`${cluster.gatewayUrl}/v1/kv/key-${i}`, { method: 'PUT', body: '1' });
        await answer.arrayBuffer();
        if (!answer.ok) failed += 1;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    expect(failed).toBe(0);
    // Two spans a request at the gateway: more than it keeps.
    await cluster.until('spans to be counted as lost', async () => {
      const { refused = 0, 'queue-full': full = 0 } = await lost(cluster.gatewayUrl);
      return refused > 0 && full > 0;
    });
    expect(cluster.gateway.output().match(/spans were not sent/g)).toHaveLength(1);
    await cluster.converged();
  });

  it('holds up no process that ends', async () => {
    const began = performance.now();
    await cluster.gateway.signal('SIGTERM');
    expect(performance.now() - began).toBeLessThan(endMsMax);
    expect(cluster.gateway.output()).toMatch(/"msg":"stopped"/);
  });
});
