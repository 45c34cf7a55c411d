/**
 * The chart on a real API server: `npm run helm:cluster`. etcd and Kubernetes are built from their Go modules
 * at first use, which takes a quarter of an hour, and kept in the cache.
 *
 * Every object of every switch is made there strictly and without a warning, and not kept. Then helm
 * installs, upgrades, rolls back and removes a release, in a namespace under the policy "restricted". There
 * is no kubelet: pods are made and admitted, and nothing runs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provisionGoTool } from '@driftless/cli';
import { waitUntil } from '@driftless/runtime';
import { Api } from './cluster/api.ts';
import { judgeCases } from './cluster/cases.ts';
import { installCustomKinds } from './cluster/custom-kinds.ts';
import { type ControlPlane, startControlPlane } from './cluster/processes.ts';
import { tryRelease } from './cluster/release.ts';
import { etcdTool, helmTool, kubernetesTool } from './tools.ts';

const startTimeoutMs = 120_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const provision = (tool: Parameters<typeof provisionGoTool>[0]) =>
  provisionGoTool(tool, { env: process.env, say });

const helm = await provision(helmTool);
const binaries = {
  etcd: await provision(etcdTool),
  apiServer: await provision(kubernetesTool('kube-apiserver')),
  controllers: await provision(kubernetesTool('kube-controller-manager')),
  scheduler: await provision(kubernetesTool('kube-scheduler')),
};
const dir = mkdtempSync(join(tmpdir(), 'driftless-cluster-'));
let plane: ControlPlane | undefined;
const problems: string[] = [];
try {
  plane = await startControlPlane(dir, binaries);
  const api = new Api(plane);
  const isReady = async (): Promise<boolean> =>
    (await api.call('GET', '/readyz').catch(() => undefined))?.status === 200;
  await waitUntil(isReady, {
    timeoutMs: startTimeoutMs,
    intervalMs: 250,
    what: 'the API server to be ready',
  });
  const { gitVersion } = (await api.call('GET', '/version')).body;
  say(`✓ an API server, ${gitVersion}, with etcd, controllers and scheduler`);
  await installCustomKinds(api, say);
  problems.push(...(await judgeCases(api, helm, say)));
  problems.push(...(await tryRelease(api, helm, plane.kubeconfig, say)));
} finally {
  await plane?.stop();
  if (problems.length === 0) rmSync(dir, { recursive: true });
}
for (const problem of problems) say(`✗ ${problem}`);
say(
  problems.length === 0 ? 'the chart does what it should' : `${problems.length} problems; logs are in ${dir}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
