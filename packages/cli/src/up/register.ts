/** `driftless up` on the command line: options, signals, console. */

import { constants } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import { upOptionsSchema } from './options.ts';
import { StopRequest } from './stop-request.ts';
import { up } from './up.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function registerUp(program: Command): void {
  const command = program.command('up').description('start a cluster on this machine, in the foreground');
  const number = (key: keyof typeof upOptionsSchema.shape) => (text: string) => parseOption(key, text);
  command
    .option(
      '--nodes <count>',
      'store nodes (default: 3, or as the data has); more than it has join',
      number('nodes'),
    )
    .option('--shards <count>', 'shards, fixed when a cluster is made (default: 4)', number('shards'))
    .option('--data-dir <dir>', 'where data, logs and run files are kept', '.driftless')
    .option('--gateway-port <port>', 'port of the gateway', number('gatewayPort'), 8080)
    .option(
      '--gateway-host <address>',
      'address that the gateway listens on; 0.0.0.0 lets other machines in, and asks them for no password',
      (text) => parseOption('gatewayHost', text),
      '127.0.0.1',
    )
    .option(
      '--anti-entropy-port <port>',
      "port of anti-entropy (default: the one after the gateway's)",
      number('antiEntropyPort'),
    )
    .option('--node-port <port>', 'port of node-1; node-2 has the next, and so on', number('nodePort'), 7101)
    .option('--nats-port <port>', 'port of nats-server', number('natsPort'), 7422)
    .option('--nats-monitor-port <port>', "port of nats-server's monitoring", number('natsMonitorPort'), 7822)
    .option('--observe', 'Prometheus and Alertmanager as well, where their programs are there')
    .option('--prometheus-port <port>', 'port of Prometheus', number('prometheusPort'), 9090)
    .option('--alertmanager-port <port>', 'port of Alertmanager', number('alertmanagerPort'), 9093)
    .option('--fresh', 'delete the data of an earlier cluster first')
    .option('--no-restart', 'leave processes that die dead')
    .option(
      '--log-level <level>',
      'trace, debug, info, warn or error',
      (text) => parseOption('logLevel', text),
      'info',
    )
    .action(async (given: Record<string, unknown>) => {
      const stop = new StopRequest();
      let urgent: number | undefined;
      for (const signal of SIGNALS) {
        process.on(signal, () => {
          if (stop.request(performance.now())) urgent = constants.signals[signal];
        });
      }
      // Whoever read our lines may be gone (a closed pipe); the cluster goes on, and stops in order.
      process.stdout.on('error', () => {});
      const say = (line: string): void => void process.stdout.write(`${line}\n`);
      await up(upOptionsSchema.parse(given), { env: process.env, say, stop });
      process.exit(urgent === undefined ? 0 : 128 + urgent);
    });
}

function parseOption(key: keyof typeof upOptionsSchema.shape, text: string): unknown {
  const parsed = (upOptionsSchema.shape[key] as z.ZodType).safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'not valid');
}
