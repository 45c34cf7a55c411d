/** `driftless nats-server`: finds or installs one, and prints its path. Scripts and tests build on it. */
import type { Command } from 'commander';
import { provisionNatsServer } from './provision.ts';

export function registerNatsServer(program: Command): void {
  program
    .command('nats-server')
    .description('find or install nats-server, and print its path')
    .action(async () => {
      const say = (line: string): void => void process.stderr.write(`${line}\n`);
      const { binary, version, source } = await provisionNatsServer({ env: process.env, say });
      say(`nats-server: ${version}, from ${source}`);
      process.stdout.write(`${binary}\n`);
    });
}
