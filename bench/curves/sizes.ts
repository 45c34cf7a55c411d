/** What keys take: memory and files of a cluster that holds nothing else, and loads on it. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { measureOn, type Say, startCluster } from '../measure/blocks.ts';
import type { Ceilings } from '../measure/ceilings.ts';
import type { Effort } from '../measure/effort.ts';
import { residentOf } from '../measure/usage.ts';
import type { Measured } from '../report/run.ts';
import { base, cluster as shape } from '../scenarios.ts';
import type { ClusterTarget } from '../targets/cluster.ts';
import { loadOfKeys, whats } from './axes.ts';
import type { KeySizes } from './run.ts';

export async function sizesAt(
  keys: number,
  ceilings: Ceilings,
  effort: Effort,
  say: Say,
): Promise<{ sizes: KeySizes; measured: Measured[] }> {
  say(`${keys} keys`);
  const target = await startCluster(shape);
  try {
    const sizes = await sizesOf(target, keys);
    say(`filled in ${sizes.fillSeconds.toFixed(1)} s`);
    const blocks = whats.map((what) => [loadOfKeys(keys, what)]);
    return { sizes, measured: await measureOn(target, blocks, ceilings, effort, say) };
  } finally {
    await target.stop();
  }
}

async function sizesOf(target: ClusterTarget, keys: number): Promise<KeySizes> {
  const { cluster } = target;
  const charged = await target.charged();
  const empty = residentOf(charged);
  const startedAt = performance.now();
  await target.fill(keys, base.valueBytes);
  const fillSeconds = (performance.now() - startedAt) / 1000;
  const filled = residentOf(charged);
  const nodes = cluster.nodes.map(({ name }) => bytesIn(dirname(cluster.file(name, 0))));
  const memory =
    empty &&
    filled &&
    [...filled].map(([name, filledBytes]) => ({
      name,
      emptyBytes: empty.get(name) ?? Number.NaN,
      filledBytes,
    }));
  return {
    keys,
    fillSeconds,
    ...(memory && { memory }),
    nodeBytes: nodes.reduce((sum, bytes) => sum + bytes, 0) / nodes.length,
    natsBytes: bytesIn(cluster.natsStore()),
  };
}

/** Of all files below a folder. */
function bytesIn(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const sizes = entries.map((entry) => {
    // A file may go while it is looked for.
    const found = entry.isFile() && statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    return found ? found.size : 0;
  });
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
