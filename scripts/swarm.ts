/**
 * The Swarm stack (docs/swarm.md): `npm run swarm:up`, again after every change; `swarm:smoke`, `swarm:down`.
 *
 *     npm run swarm:up -- --observe     with Prometheus, Alertmanager, Grafana, Tempo, exporters
 */
import { parseArgs } from 'node:util';
import { down, up } from './swarm/deploy.ts';
import { smoke } from './swarm/smoke.ts';

const [task = '', ...args] = process.argv.slice(2);
const { values: options } = parseArgs({ args, options: { observe: { type: 'boolean', default: false } } });
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const tasks: Record<string, () => Promise<void>> = {
  up: () => up({ ...options, say }),
  down,
  smoke,
};
const chosen = tasks[task];
if (chosen === undefined)
  throw new Error(`there is no "${task}"; there are ${Object.keys(tasks).join(', ')}`);
await chosen();
