/**
 * What Prometheus and Alertmanager are told on one machine. Both read YAML, of which JSON is a part.
 *
 * `job` is the kind of process and `instance` its name, as in the Compose stack, so that the same rules and
 * dashboards serve both.
 */
import type { RunFile } from '@driftless/runtime';

export interface Target {
  readonly job: string;
  readonly instance: string;
  readonly port: number;
}

/** Kinds of process, by the names that they have here. */
const JOBS: readonly (readonly [pattern: RegExp, job: string])[] = [
  [/^node-\d+$/, 'store-node'],
  [/^gateway-\d+$/, 'gateway'],
  [/^anti-entropy-\d+$/, 'anti-entropy'],
];

/** What can be scraped of all that runs; nats-server speaks no Prometheus by itself. */
export function targetsOf(runFiles: ReadonlyMap<string, RunFile>): Target[] {
  return [...runFiles].flatMap(([instance, { port }]) => {
    const job = JOBS.find(([pattern]) => pattern.test(instance))?.[1];
    return job === undefined || port === undefined ? [] : [{ job, instance, port }];
  });
}

export interface PrometheusInput {
  readonly targets: readonly Target[];
  /** Absolute path of a folder of rules. */
  readonly rules: string;
  readonly alertmanagerPort: number | undefined;
}

/** As often as Compose has it: alerts and dashboards reckon with it. */
const SCRAPE_INTERVAL = '5s';
const SCRAPE_TIMEOUT = '4s';

export function prometheusConfig({ targets, rules, alertmanagerPort }: PrometheusInput): string {
  const jobs = [...new Set(targets.map(({ job }) => job))];
  return json({
    global: {
      scrape_interval: SCRAPE_INTERVAL,
      scrape_timeout: SCRAPE_TIMEOUT,
      evaluation_interval: SCRAPE_INTERVAL,
    },
    rule_files: [`${rules}/*.yaml`],
    ...(alertmanagerPort !== undefined && {
      alerting: { alertmanagers: [{ static_configs: [{ targets: [local(alertmanagerPort)] }] }] },
    }),
    scrape_configs: jobs.map((job) => ({
      job_name: job,
      static_configs: targets
        .filter((target) => target.job === job)
        .map(({ instance, port }) => ({ targets: [local(port)], labels: { instance } })),
    })),
  });
}

/** Alerts are shown on its page and sent to nobody. */
export function alertmanagerConfig(): string {
  return json({
    route: { receiver: 'nobody', group_by: ['alertname', 'job'], group_wait: '5s', group_interval: '30s' },
    receivers: [{ name: 'nobody' }],
  });
}

function local(port: number): string {
  return `127.0.0.1:${port}`;
}

function json(config: unknown): string {
  return `${JSON.stringify(config, null, 2)}\n`;
}
