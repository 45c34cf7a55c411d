/** What `up` says: plain lines, so that they read the same on a terminal, in a log and in CI. */
import { formatDuration } from '../output/terminal.ts';
import type { ChildReport } from './core/supervisor.ts';
import type { ClusterShape } from './data-dir.ts';
import type { ObserveTools } from './observe/tools.ts';
import { antiEntropyPort, type Layout, type UpOptions } from './options.ts';

export type Say = (line: string) => void;

export function describeReport(name: string, report: ChildReport): string {
  switch (report.what) {
    case 'ready':
      return `${name} is ready (${formatDuration(report.afterMs)})`;
    case 'died':
      return `${name} died (${report.how}); starting it again in ${formatDuration(report.restartInMs)}`;
    case 'gave-up':
      return `${name} died (${report.how}) and is not started again`;
    case 'restarting':
      return `${name} is being started again`;
    case 'killed':
      return `${name} did not stop within ${formatDuration(report.afterMs)} and was killed`;
  }
}

export interface ReadyInput {
  readonly options: UpOptions;
  readonly shape: ClusterShape;
  readonly layout: Layout;
  readonly natsUrl: string;
  /** "nats-server 2.15.2 (cache)". */
  readonly nats: string;
  readonly tookMs: number;
  /** With `--observe`: which of them run. */
  readonly tools?: ObserveTools | undefined;
}

export function describeReady(input: ReadyInput): string[] {
  const { options, shape, layout, natsUrl, nats, tookMs } = input;
  const gateway = `http://127.0.0.1:${options.gatewayPort}`;
  const nodes = shape.nodes.map((number) => `http://127.0.0.1:${options.nodePort + number - 1}`);
  const size = `${counted(shape.nodes.length, 'node')}, ${counted(shape.shards, 'shard')}`;
  const put = `curl -X PUT ${gateway}/v1/kv/hello -H 'content-type: application/json'`;
  return [
    '',
    `Driftless is ready after ${formatDuration(tookMs)}: ${size}`,
    '',
    `  gateway   ${gateway}      documentation  ${gateway}/docs`,
    `  nodes     ${nodes.join('  ')}`,
    `  healing   http://127.0.0.1:${antiEntropyPort(options)}/v1/anti-entropy`,
    `  NATS      ${natsUrl}      ${nats}, Node ${process.versions.node}`,
    ...describeObserved(input),
    `  data      ${layout.root}      logs in ${layout.log}`,
    '',
    'Try (the Driftless-* headers say where it was read, and how far behind that was)',
    `  ${put} -d '{"to":"the world"}'`,
    `  curl -i ${gateway}/v1/kv/hello`,
    `  curl ${gateway}/v1/cluster`,
    '',
    'Stop with Ctrl-C. The data stays; a start with --fresh begins anew.',
  ];
}

function describeObserved({ options, tools }: ReadyInput): string[] {
  const prometheus = `http://127.0.0.1:${options.prometheusPort}`;
  const alertmanager = `http://127.0.0.1:${options.alertmanagerPort}`;
  return [
    ...(tools?.prometheus === undefined
      ? []
      : [`  metrics   ${prometheus}      alerts         ${prometheus}/alerts`]),
    ...(tools?.alertmanager === undefined ? [] : [`  alerts    ${alertmanager}      Alertmanager`]),
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
