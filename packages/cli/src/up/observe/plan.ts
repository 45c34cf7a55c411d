/**
 * Prometheus and Alertmanager beside a cluster on one machine: `driftless up --observe`. They are children
 * like the others, but nothing depends on them: they start last, when all that they watch has a port, and
 * stop last.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listRunFiles, removeRunFile, writeRunFile } from '@driftless/runtime';
import { CommandError } from '../../output/failure.ts';
import type { Layout, UpOptions } from '../options.ts';
import type { ChildSpec } from '../supervisor.ts';
import { alertmanagerConfig, prometheusConfig, targetsOf } from './config.ts';
import type { ObserveTools } from './tools.ts';

const HOST = '127.0.0.1';
const RULES = fileURLToPath(new URL('../../../../../alerts/rules', import.meta.url));
const RETENTION = '7d';
const STOP_TIMEOUT_MS = 10_000;

export interface ObserveInput {
  readonly options: UpOptions;
  readonly layout: Layout;
  readonly tools: ObserveTools;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Writes their configuration. To be called when the processes to watch have their run files. */
export function planObserve(input: ObserveInput): ChildSpec[] {
  const { prometheus, alertmanager } = input.tools;
  const children: ChildSpec[] = [];
  if (alertmanager !== undefined) children.push(alertmanagerChild(alertmanager, input));
  if (prometheus !== undefined) children.push(prometheusChild(prometheus, input));
  return children;
}

function prometheusChild(binary: string, { options, layout, tools, env }: ObserveInput): ChildSpec {
  const { prometheusPort: port, alertmanagerPort } = options;
  const config = join(layout.prometheus, 'prometheus.json');
  mkdirSync(layout.prometheus, { recursive: true });
  const alerts = tools.alertmanager === undefined ? undefined : alertmanagerPort;
  const targets = targetsOf(listRunFiles(layout.run));
  targets.push({ job: 'prometheus', instance: 'prometheus', port });
  if (alerts !== undefined) targets.push({ job: 'alertmanager', instance: 'alertmanager', port: alerts });
  writeFileSync(config, prometheusConfig({ targets, rules: RULES, alertmanagerPort: alerts }));
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.retention.time=${RETENTION}`,
    `--web.listen-address=${HOST}:${port}`,
    `--storage.tsdb.path=${layout.prometheus}`,
  ];
  return observer({ name: 'prometheus', command: binary, args, port, env, layout });
}

function alertmanagerChild(binary: string, { options, layout, env }: ObserveInput): ChildSpec {
  const { alertmanagerPort: port } = options;
  mkdirSync(layout.alertmanager, { recursive: true });
  const args = [
    `--config.file=${alertmanagerConfigFile(layout, env.DRIFTLESS_ALERTMANAGER_CONFIG)}`,
    `--web.listen-address=${HOST}:${port}`,
    '--cluster.listen-address=',
    `--storage.path=${layout.alertmanager}`,
  ];
  return observer({ name: 'alertmanager', command: binary, args, port, env, layout });
}

/** The operator's own, or one that shows alerts and sends them to nobody. */
function alertmanagerConfigFile(layout: Layout, given: string | undefined): string {
  if (given) {
    if (existsSync(given)) return given;
    throw new CommandError(`DRIFTLESS_ALERTMANAGER_CONFIG is ${given}, which is not there`);
  }
  const path = join(layout.alertmanager, 'alertmanager.json');
  writeFileSync(path, alertmanagerConfig());
  return path;
}

interface Observer extends Pick<ChildSpec, 'name' | 'command' | 'args' | 'env'> {
  readonly port: number;
  readonly layout: Layout;
}

function observer({ layout, port, ...child }: Observer): ChildSpec {
  const { name } = child;
  return {
    ...child,
    async notReady(signal) {
      const response = await fetch(`http://${HOST}:${port}/-/ready`, { signal });
      await response.body?.cancel();
      return response.ok ? undefined : `its /-/ready says ${response.status}`;
    },
    stopTimeoutMs: STOP_TIMEOUT_MS,
    onSpawn: (pid) => writeRunFile(layout.run, name, { pid, port, startedAt: new Date().toISOString() }),
    onExit: (pid) => removeRunFile(layout.run, name, pid),
  };
}
