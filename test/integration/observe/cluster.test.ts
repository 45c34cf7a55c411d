/**
 * Boards and alerts against the real thing: a cluster under load with a real Prometheus. Each query returns
 * data, or the series that it reads are there once the fault that makes them has happened.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePortRange } from '@driftless/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';
import { Load } from '../../harness/load.ts';
import { obstacleTo } from '../../harness/observe-tools.ts';
import { TestPrometheus, watchedNats } from '../../harness/prometheus.ts';
import { exporters } from '../../tidy/exporters.ts';
import { metricsIn } from '../../tidy/promql.ts';
import {
  deleteStream,
  followerOf,
  loseFile,
  orphan,
  purgeWhileAway,
  spoil,
  useAllOf,
  watchTooMuch,
} from './faults.ts';

/** Metrics that need what this test does not do. They are known by their names (test/tidy). */
const notHere: Record<string, string> = {
  leader_set_changes_total: 'members come and go in test/faults/members.test.ts',
  replication_dead_letters_total: 'needs bytes that no release of ours writes',
  leader_fenced_publishes_total: 'a leader must wake up with a publish under way',
};

const boards = globSync(join(import.meta.dirname, '../../../dashboards/json/*.json')).map((file) => {
  return JSON.parse(readFileSync(file, 'utf8')) as Board;
});
interface Board {
  title: string;
  panels: { title: string; targets?: { expr: string }[] }[];
  annotations: { list: { name: string; expr: string }[] };
}

/** As Grafana fills it in when everything is picked. */
function filledIn(expression: string): string {
  return expression.replaceAll('$__rate_interval', '4m').replaceAll(/\$(job|instance|shard)\b/g, '.*');
}

const obstacle = obstacleTo('prometheus');
const title = obstacle === undefined ? 'with a real Prometheus' : `left out, for want of ${obstacle}`;

describe.skipIf(obstacle !== undefined && !process.env.CI)(title, () => {
  let cluster: TestCluster;
  let prometheus: TestPrometheus;
  let load: Load;

  beforeAll(async () => {
    const natsMonitorPort = await freePortRange(1);
    cluster = await TestCluster.start({
      shards: 2,
      natsPart: watchedNats(natsMonitorPort),
      nodeEnv: { DRIFTLESS_INJECT: 'true', DRIFTLESS_SCRUB_ROWS_PER_SECOND: '4000' },
      gatewayEnv: { DRIFTLESS_WATCHERS_MAX: '1', DRIFTLESS_CANARY_EVERY_MS: '2000' },
      antiEntropy: { DRIFTLESS_ROUND_EVERY_MS: '3000', DRIFTLESS_ROUND_RETRY_MS: '500' },
    });
    prometheus = await TestPrometheus.start(cluster, natsMonitorPort);
    load = new Load(cluster, { perSecond: 30, ack: 'stream', name: 'observed' });
  });
  afterAll(async () => {
    await load?.stop();
    await prometheus?.stop();
    await cluster?.stop();
  });

  it('evaluates every rule', async () => {
    let open: string[] = [];
    const areEvaluated = async (): Promise<boolean> => {
      // What looks at a week is evaluated every five minutes only.
      const late = (await prometheus.rules()).filter(({ name }) => name !== 'ConvergenceSlow');
      open = late.flatMap(({ name, health, lastError }) =>
        health === 'ok' ? [] : [`${name}: ${lastError}`],
      );
      return open.length === 0;
    };
    await prometheus.until('the rules to be evaluated', areEvaluated).catch(() => expect(open).toEqual([]));
    const rules = await prometheus.rules();
    expect(rules.length).toBeGreaterThan(40);
    for (const { query } of rules) await prometheus.query(query);
  });

  it('raises nothing while all is well: no lag, every replica proven', async () => {
    const unproven = 'replica_member == 1 unless on (instance, shard) replica:proven_timestamp_seconds:max';
    await prometheus.until('a calm cluster', async () => {
      const isCalm = (await prometheus.value('cluster:lag_bad:ratio')) === 0;
      return isCalm && (await prometheus.query(unproven)).length === 0;
    });
    expect((await prometheus.firing()).map(({ labels }) => labels)).toEqual([]);
  });

  it('shows the lag of a frozen follower within two scrapes, and 0 when it is back', async () => {
    const follower = await followerOf(cluster, 0);
    const lagOf = `leader_follower_lag_seconds{node="${follower.name}", shard="0"}`;
    await prometheus.until('no lag', async () => Number(await prometheus.value(lagOf)) < 0.5);
    const frozenAt = Date.now() / 1000;
    await follower.signal('SIGSTOP');
    try {
      await prometheus.until('its lag to grow', async () => Number(await prometheus.value(lagOf)) > 4);
    } finally {
      await follower.signal('SIGCONT');
    }
    const seen = (await prometheus.query(`${lagOf}[1m]`)).flatMap(({ samples }) => samples);
    const since = seen.filter(([at]) => at > frozenAt);
    // The first scrape may come before the next write does.
    const [, [at = 0, lag = 0] = []] = since;
    expect(lag, JSON.stringify(since)).toBeGreaterThan(0);
    expect(lag).toBeLessThan(at - frozenAt + 1);
    expect(await prometheus.value(`min_over_time(up{instance="${follower.name}"}[1m])`)).toBe(0);
    const own = `max(replication_lag_seconds{instance="${follower.name}"})`;
    await prometheus.until(
      'it to be back',
      async () => Number(await prometheus.value(lagOf)) < 0.5 && (await prometheus.value(own)) === 0,
    );
  });

  it('raises an alert with its links, and takes it back', async () => {
    const isFiring = async (): Promise<boolean> =>
      (await prometheus.firing()).some(({ labels }) => labels.alertname === 'ComponentDown');
    await purgeWhileAway(cluster, 1, async (follower) => {
      await prometheus.until('the alert', isFiring, 60_000);
      const [alert] = (await prometheus.firing()).filter(
        ({ labels }) => labels.alertname === 'ComponentDown',
      );
      expect(alert?.labels).toMatchObject({
        severity: 'critical',
        job: 'store-node',
        instance: follower.name,
      });
      expect(alert?.annotations.summary).toBe(`store-node ${follower.name} does not answer`);
      expect(alert?.annotations.runbook_url).toBe('https://docs.example.org/runbooks/ComponentDown.md');
    });
    await prometheus.until('the alert to end', async () => !(await isFiring()));
  });

  it('goes through what leaves marks', async () => {
    await loseFile(cluster, 0);
    await deleteStream(cluster, 1);
    await orphan(cluster, 0);
    // Last what processes count that are not killed any more.
    await useAllOf(cluster);
    expect(await watchTooMuch(cluster)).toBe(429);
    await spoil(cluster, 0, 'flip-value');
    await spoil(cluster, 1, 'drop-row');
    const gone = 'sum(leader_rows_collected_total)';
    await prometheus.until(
      'deletes to be for good',
      async () => Number(await prometheus.value(gone)) > 0,
      60_000,
    );
    // The last scrape of all.
    await prometheus.until(
      'everything to be scraped again',
      async () => (await prometheus.down()).length === 0,
    );
    await load.more(60);
  }, 240_000);

  /** Metrics of an expression that Prometheus has never had. */
  async function absentIn(expression: string): Promise<string[]> {
    const left = (exporter: string): boolean => prometheus.missing.some((one) => one.startsWith(exporter));
    const exempt = new Set([
      ...Object.keys(notHere),
      ...Object.entries(exporters).flatMap(([name, metrics]) => (left(name) ? metrics : [])),
    ]);
    const absent: string[] = [];
    for (const metric of metricsIn(expression)) {
      if (exempt.has(metric)) continue;
      if ((await prometheus.query(`last_over_time(${metric}[10m])`)).length === 0) absent.push(metric);
    }
    return absent;
  }

  it('has every series that an alert reads', async () => {
    const absent: string[] = [];
    for (const { name, query } of await prometheus.rules()) {
      for (const metric of await absentIn(query)) absent.push(`${name}: ${metric}`);
    }
    expect(absent).toEqual([]);
  });

  it.each(boards)('$title: every panel shows data', async ({ panels, annotations }) => {
    const empty: string[] = [];
    for (const { title: name, targets = [] } of panels) {
      for (const { expr } of targets) {
        const absent = await absentIn(expr);
        const data = await prometheus.query(filledIn(expr));
        if (data.length === 0 && metricsIn(expr).every((one) => !isExempt(one)))
          empty.push(`${name}: ${expr}`);
        empty.push(...absent.map((metric) => `${name}: no ${metric}`));
      }
    }
    for (const { expr } of annotations.list) await prometheus.query(filledIn(expr));
    expect(empty).toEqual([]);
  });

  function isExempt(metric: string): boolean {
    const exporter = Object.entries(exporters).find(([, metrics]) => metrics.includes(metric))?.[0];
    return metric in notHere || prometheus.missing.some((one) => one.startsWith(exporter ?? '-'));
  }
});
