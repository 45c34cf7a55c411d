/** What each word after `bootstrap.mjs` does. */
import { Stop, say } from './console.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { ensurePinnedNode } from './pinned-node.mjs';
import { runPinned } from './process.mjs';
import { runTests } from './tests.mjs';
import { types, verify } from './verify.mjs';

const CLI = 'packages/cli/src/main.ts';

/** @type {Record<string, (node: string, args: string[]) => Promise<number>>} */
const TASKS = {
  up: (node, args) => runPinned(node, [CLI, 'up', ...args]),
  cli: (node, args) => runPinned(node, [CLI, ...args]),
  'demo:cities': (node, args) => runPinned(node, ['scripts/demo-cities.ts', ...args]),
  'compose:smoke': (node, args) => runPinned(node, ['scripts/compose-smoke.ts', ...args]),
  image: (node, args) => runPinned(node, ['scripts/images.ts', ...args]),
  swarm: (node, args) => runPinned(node, ['scripts/swarm.ts', ...args]),
  docs: async (node, args) =>
    (await runPinned(node, ['scripts/configuration-page.ts', ...args])) ||
    (await runPinned(node, ['scripts/metrics-page.ts', ...args])) ||
    runPinned(node, ['helm/src/docs.ts', ...args]),
  'helm:cluster': (node, args) => runPinned(node, ['helm/src/cluster.ts', ...args]),
  'helm:docs': (node, args) => runPinned(node, ['helm/src/docs.ts', ...args]),
  'helm:k3s': (node, args) => runPinned(node, ['helm/src/k3s.ts', ...args]),
  dashboards: (node, args) => runPinned(node, ['dashboards/src/main.ts', ...args]),
  'test:faults': (node, args) => runPinned(node, ['test/faults/runner/main.ts', ...args]),
  reliability: (node, args) => runPinned(node, ['scripts/reliability.ts', ...args]),
  bench: (node, args) => runPinned(node, ['bench/main.ts', ...args]),
  'bench:curves': (node, args) => runPinned(node, ['bench/curves/main.ts', ...args]),
  'bench:heal': (node, args) => runPinned(node, ['bench/heal/main.ts', ...args]),
  'bench:scrape': (node, args) => runPinned(node, ['bench/scrape/main.ts', ...args]),
  'bench:traces': (node, args) => runPinned(node, ['bench/traces/main.ts', ...args]),
  'bench:counter': (node, args) => runPinned(node, ['bench/counter/main.ts', ...args]),
  scale: (node, args) => runPinned(node, ['scripts/scale.ts', ...args]),
  simulate: (node, args) => runPinned(node, ['test/simulation/main.ts', ...args]),
  test: runTests,
  types,
  verify,
};

/** @param {string[]} args */
export async function run([name = 'up', ...args]) {
  const task = TASKS[name];
  try {
    if (task === undefined)
      throw new Stop(`there is no "${name}"; there are ${Object.keys(TASKS).join(', ')}`);
    await ensureDependencies();
    process.exitCode = await task(await ensurePinnedNode(), args);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
