/** Whole jobs on clusters of their own: an import, and a node that takes its first copy of a shard. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { jsonOf, keyOf } from '../load/plan.ts';
import type { Job } from '../report/run.ts';
import { ClusterTarget } from '../targets/cluster.ts';

const cli = resolve(import.meta.dirname, '../../packages/cli/src/main.ts');
const valueBytes = 100;
const copyMsMax = 600_000;

/** `driftless import` of NDJSON, as a user runs it: start of the command to its end. */
export async function importJob(records: number): Promise<Job> {
  const target = await ClusterTarget.start({ nodes: 3, shards: 1 });
  try {
    const file = join(target.cluster.directory, 'records.ndjson');
    await writeRecords(file, records);
    const env = { ...process.env, DRIFTLESS_RUN_DIR: join(target.cluster.directory, 'run') };
    const args = [cli, 'import', file, '--url', target.cluster.gatewayUrl];
    const startedAt = performance.now();
    await promisify(execFile)(process.execPath, args, { env });
    return { count: records, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    await target.stop();
  }
}

async function writeRecords(file: string, records: number): Promise<void> {
  const out = createWriteStream(file);
  const value = jsonOf(valueBytes);
  for (let number = 0; number < records; number += 1) {
    const line = `{"key":"${keyOf(number)}","value":${value}}\n`;
    if (!out.write(line)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

/** A third node joins two that hold so many keys: its first answer to the last key copied. */
export async function bootstrapJob(keys: number): Promise<Job> {
  const target = await ClusterTarget.start({ nodes: 2, shards: 1 });
  const { cluster } = target;
  try {
    await target.fill(keys, valueBytes);
    const { applied } = await cluster.replica(await cluster.leaderOf(0), 0);
    const name = 'node-3';
    await cluster.addNode(name);
    await cluster.until(`${name} to answer`, async () => (await fetch(`${cluster.nodeUrl(name)}/livez`)).ok);
    const startedAt = performance.now();
    const hasCopy = async (): Promise<boolean> => {
      const copy = await cluster.replica(name, 0);
      return copy.health === 'healthy' && copy.applied.seq >= applied.seq;
    };
    await cluster.until(`${name} to have a copy`, hasCopy, copyMsMax);
    return { count: keys, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    await target.stop();
  }
}
