/** nats-servers of a test cluster: one, or several that form a NATS cluster of their own. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ProcessPlan } from './process.ts';

export interface NatsPorts {
  client: number;
  /** For the other servers of the cluster. */
  route: number;
}

/** The servers' plans; each keeps its store in `<directory>/jetstream/<name>`. */
export function natsPlans(directory: string, ports: readonly NatsPorts[], more = ''): ProcessPlan[] {
  return ports.map(({ client, route }, index) => {
    const name = ports.length === 1 ? 'nats' : `nats-${index + 1}`;
    const file = join(directory, `${name}.conf`);
    const lines = [
      `listen: 127.0.0.1:${client}`,
      `server_name: ${name}`,
      `jetstream {\n  store_dir: ${JSON.stringify(natsStore(directory, name))}\n  ${more}\n}`,
    ];
    if (ports.length > 1) {
      const routes = ports.map((other) => `nats://127.0.0.1:${other.route}`).join(', ');
      lines.push(`cluster { name: test, listen: 127.0.0.1:${route}, routes: [${routes}] }`);
    }
    writeFileSync(file, `${lines.join('\n')}\n`);
    return { name, command: natsServerBinary(), args: ['-c', file], env: {}, gid: groupOf(route) };
  });
}

/** The group of the server with this route port; none without root. */
export function groupOf(route: number): number | undefined {
  return process.getuid?.() === 0 ? route : undefined;
}

export function natsStore(directory: string, name: string): string {
  return join(directory, 'jetstream', name);
}

const cli = resolve(import.meta.dirname, '../../packages/cli/src/main.ts');
let binary: string | undefined;
/** Found or installed the way users get it. */
export function natsServerBinary(): string {
  binary ??= execFileSync(process.execPath, [cli, 'nats-server'], { encoding: 'utf8' }).trim();
  return binary;
}
