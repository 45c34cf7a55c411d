/**
 * The Swarm stack (docs/swarm.md): `npm run swarm:up`, again after every change; `swarm:smoke`, `swarm:down`.
 *
 *     npm run swarm:up -- --observe     with Prometheus, Alertmanager, Grafana, Tempo, exporters
 */
import { commandOptions } from '@driftless/runtime';
import { down, up } from './swarm/deploy.ts';
import { smoke } from './swarm/smoke.ts';

const [task = '', ...args] = process.argv.slice(2);
const options = commandOptions(import.meta.filename, { observe: { type: 'boolean', default: false } }, args);
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
