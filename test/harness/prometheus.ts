/**
 * A real Prometheus beside a test cluster: it scrapes every process every second under the names that users
 * have, evaluates the rules of `alerts/`, and is asked over its API.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freePortRange, waitUntil } from '@driftless/runtime';
import { z } from 'zod';
import type { TestCluster } from './cluster.ts';
import { type ObserveTool, observeTool, obstacleTo } from './observe-tools.ts';
import { type Part, type ProcessPlan, TestProcess } from './process.ts';

const rules = resolve(import.meta.dirname, '../../alerts/rules/*.yaml');
const readyTimeoutMs = 30_000;

export interface Series {
  labels: Record<string, string>;
  /** Time in seconds since the epoch, and value. */
  samples: [number, number][];
}

/** Prometheus has NaN too, for what is nothing divided by nothing. */
const sampleSchema = z.tuple([z.number(), z.string().transform(Number)]);
const seriesSchema = z
  .object({
    metric: z.record(z.string(), z.string()),
    value: sampleSchema.optional(),
    values: z.array(sampleSchema).optional(),
  })
  .transform(({ metric, value, values }): Series => {
    return { labels: metric, samples: value ? [value] : (values ?? []) };
  });
const answerSchema = z.object({
  status: z.string(),
  error: z.string().optional(),
  data: z.object({ result: z.array(seriesSchema) }).optional(),
});
const targetsSchema = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({ labels: z.record(z.string(), z.string()), health: z.string(), lastError: z.string() }),
    ),
  }),
});
const rulesSchema = z.object({
  data: z.object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            name: z.string(),
            query: z.string(),
            health: z.string(),
            lastError: z.string().optional(),
          }),
        ),
      }),
    ),
  }),
});
const alertsSchema = z.object({
  data: z.object({
    alerts: z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()),
        state: z.string(),
      }),
    ),
  }),
});

interface Target {
  job: string;
  instance: string;
  address: string;
}

export class TestPrometheus {
  /** Exporters that could not be had here, in words. */
  readonly missing: readonly string[];
  readonly #url: string;
  readonly #parts: readonly TestProcess[];

  private constructor(url: string, parts: readonly TestProcess[], missing: readonly string[]) {
    this.#url = url;
    this.#parts = parts;
    this.missing = missing;
  }

  /** Scrapes when it resolves. */
  static async start(cluster: TestCluster, natsMonitorPort: number): Promise<TestPrometheus> {
    const port = await freePortRange(3);
    const address = (offset: number): string => `127.0.0.1:${port + offset}`;
    const directory = join(cluster.directory, 'observe');
    mkdirSync(directory);
    const part = (name: ObserveTool, args: string[]): TestProcess =>
      new TestProcess({ name, command: observeTool(name), args, env: {} }, directory);
    const targets = targetsOf(cluster);
    const parts: TestProcess[] = [];
    const missing: string[] = [];
    const exporter = (name: ObserveTool, job: string, at: string, args: string[]): void => {
      const obstacle = obstacleTo(name);
      if (obstacle !== undefined) return void missing.push(obstacle);
      parts.push(part(name, args));
      targets.push({ job, instance: `${job}-1`, address: at });
    };
    exporter('prometheus-node-exporter', 'node-exporter', address(1), [`--web.listen-address=${address(1)}`]);
    exporter('prometheus-nats-exporter', 'nats', address(2), [
      ...['-a', '127.0.0.1', '-p', String(port + 2), '-use_internal_server_name'],
      ...['-varz', '-healthz', '-routez', '-jsz=all', `http://127.0.0.1:${natsMonitorPort}`],
    ]);
    const config = join(directory, 'prometheus.json');
    writeFileSync(config, JSON.stringify(configOf(targets)));
    parts.push(
      part('prometheus', [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(directory, 'data')}`,
        `--web.listen-address=${address(0)}`,
      ]),
    );
    for (const one of parts) one.start();
    const prometheus = new TestPrometheus(`http://${address(0)}`, parts, missing);
    try {
      await prometheus.until('all to be scraped', async () => (await prometheus.down()).length === 0);
    } catch (error) {
      const output = parts.map((one) => `--- ${one.name}\n${one.output().slice(-1500)}`).join('\n');
      await prometheus.stop();
      throw new Error(output, { cause: error });
    }
    return prometheus;
  }

  /** Series at this moment; with a range in the expression, their samples. */
  async query(expression: string): Promise<Series[]> {
    const body = new URLSearchParams({ query: expression });
    const answer = await fetch(`${this.#url}/api/v1/query`, { method: 'POST', body });
    const { data, error } = answerSchema.parse(await answer.json());
    if (data === undefined) throw new Error(`${expression}: ${error}`);
    return data.result;
  }

  /** The value of an expression that has one series; undefined when it has none. */
  async value(expression: string): Promise<number | undefined> {
    return (await this.query(expression))[0]?.samples[0]?.[1];
  }

  /** Targets that could not be scraped, and why. */
  async down(): Promise<string[]> {
    const { data } = targetsSchema.parse(await this.#get('targets'));
    const down = data.activeTargets.filter(({ health }) => health !== 'up');
    const none = data.activeTargets.length === 0 ? ['no target yet'] : [];
    return [...none, ...down.map(({ labels, lastError }) => `${labels.instance}: ${lastError}`)];
  }

  async rules() {
    return rulesSchema.parse(await this.#get('rules')).data.groups.flatMap((group) => group.rules);
  }

  async firing() {
    const { data } = alertsSchema.parse(await this.#get('alerts'));
    return data.alerts.filter(({ state }) => state === 'firing');
  }

  async #get(what: string): Promise<unknown> {
    return (await fetch(`${this.#url}/api/v1/${what}`)).json();
  }

  async until(what: string, condition: () => Promise<boolean>, timeoutMs = readyTimeoutMs): Promise<void> {
    await waitUntil(() => condition().catch(() => false), { timeoutMs, intervalMs: 200, what });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.end()));
  }
}

/** A nats-server that can be watched by HTTP, as the `natsPart` of a cluster. */
export function watchedNats(monitorPort: number): (plan: ProcessPlan, directory: string) => Part {
  return (plan, directory) => {
    const file = plan.args[1] as string;
    appendFileSync(file, `http: 127.0.0.1:${monitorPort}\n`);
    return new TestProcess(plan, directory);
  };
}

function targetsOf(cluster: TestCluster): Target[] {
  const target = (job: string, instance: string, url: string): Target => {
    return { job, instance, address: new URL(url).host };
  };
  return [
    ...cluster.nodes.map(({ name }) => target('store-node', name, cluster.nodeUrl(name))),
    target('gateway', cluster.gateway.name, cluster.gatewayUrl),
    target('anti-entropy', cluster.antiEntropy?.name ?? '', cluster.healerUrl()),
  ];
}

/** JSON is YAML. */
function configOf(targets: readonly Target[]): object {
  const jobs = Map.groupBy(targets, ({ job }) => job);
  return {
    global: {
      scrape_interval: '1s',
      scrape_timeout: '900ms',
      evaluation_interval: '1s',
      external_labels: { docs: 'https://docs.example.org' },
    },
    rule_files: [rules],
    scrape_configs: [...jobs].map(([job, some]) => ({
      job_name: job,
      static_configs: some.map(({ instance, address }) => ({ targets: [address], labels: { instance } })),
    })),
  };
}
