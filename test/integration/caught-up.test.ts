/** `/node/v1/caught-up`: what an orchestrator waits for before it replaces the next node. */
import { afterEach, expect, it } from 'vitest';
import { TestCluster } from '../harness/cluster.ts';

let cluster: TestCluster | undefined;
afterEach(async () => cluster?.stop());

it('is said by a node that has been where its leaders are, and stays said without NATS', async () => {
  cluster = await TestCluster.start({ shards: 2 });
  const running = cluster;
  const ask = async (node: string, path: string): Promise<number> =>
    (await fetch(`${running.nodeUrl(node)}${path}`)).status;
  for (const node of running.nodes) await node.end();
  running.node('node-1').start();
  await running.until('node-1 to serve', async () => (await ask('node-1', '/readyz')) === 200);
  // Alone it is not elected, and nobody tells it where a log ends.
  expect(await ask('node-1', '/node/v1/caught-up')).toBe(503);
  for (const name of ['node-2', 'node-3']) running.node(name).start();
  for (const { name } of running.nodes) {
    await running.until(
      `${name} to have caught up`,
      async () => (await ask(name, '/node/v1/caught-up')) === 200,
    );
  }
  for (const server of running.natsServers) await server.end();
  await running.until('node-1 to miss NATS', async () => !(await running.status('node-1')).natsConnected);
  expect(await ask('node-1', '/node/v1/caught-up')).toBe(200);
});
