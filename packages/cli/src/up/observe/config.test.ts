import type { RunFile } from '@driftless/runtime';
import { expect, test } from 'vitest';
import { alertmanagerConfig, prometheusConfig, targetsOf } from './config.ts';

const running = (port?: number): RunFile => ({ pid: 1, startedAt: '', ...(port !== undefined && { port }) });
const runFiles = new Map([
  ['anti-entropy-1', running(8081)],
  ['gateway-1', running(8080)],
  ['nats-server', running(7422)],
  ['node-1', running(7101)],
  ['node-12', running(7112)],
  ['node-2', running()],
  ['up', running()],
]);

test('the targets are the processes with a port, under the job of their kind', () => {
  expect(targetsOf(runFiles)).toEqual([
    { job: 'anti-entropy', instance: 'anti-entropy-1', port: 8081 },
    { job: 'gateway', instance: 'gateway-1', port: 8080 },
    { job: 'store-node', instance: 'node-1', port: 7101 },
    { job: 'store-node', instance: 'node-12', port: 7112 },
  ]);
});

test('Prometheus scrapes each, by its name, and tells the Alertmanager that there is', () => {
  const input = { targets: targetsOf(runFiles), rules: '/rules', alertmanagerPort: 9093 };
  expect(JSON.parse(prometheusConfig(input))).toMatchObject({
    global: { scrape_interval: '5s' },
    rule_files: ['/rules/*.yaml'],
    alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:9093'] }] }] },
    scrape_configs: [
      { job_name: 'anti-entropy' },
      { job_name: 'gateway' },
      {
        job_name: 'store-node',
        static_configs: [
          { targets: ['127.0.0.1:7101'], labels: { instance: 'node-1' } },
          { targets: ['127.0.0.1:7112'], labels: { instance: 'node-12' } },
        ],
      },
    ],
  });
  expect(JSON.parse(prometheusConfig({ ...input, alertmanagerPort: undefined }))).not.toHaveProperty(
    'alerting',
  );
});

test('the Alertmanager sends to nobody by itself', () => {
  const { route, receivers } = JSON.parse(alertmanagerConfig());
  expect(receivers).toEqual([{ name: route.receiver }]);
});
