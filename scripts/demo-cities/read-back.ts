/**
 * Asks every node by itself, past the gateway, for the same keys: the same value and version, and how far
 * behind.
 */
import { readAtNode } from '@driftless/cli';
import type { DriftlessClient } from '@driftless/client';
import { formatPosition, type ReadAnswer, shardOf } from '@driftless/contracts';
import type { Story } from '../story.ts';

export async function readBack(
  story: Story,
  client: DriftlessClient,
  samples: () => { key: string; value: unknown }[],
): Promise<void> {
  story.step('Read some back, from each node directly');
  const { nodes, shardCount } = await client.cluster();
  for (const { key, value } of samples()) {
    const shard = shardOf(key, shardCount);
    const versions = new Set<string>();
    let found = 0;
    for (const { node, url } of nodes) {
      const answer = await readAtNode(url, [{ shard, key, level: 'eventual' }]);
      const bytes = answer.values[0];
      const isRight = bytes !== undefined && same(JSON.parse(Buffer.from(bytes).toString('utf8')), value);
      if (isRight) found += 1;
      const result = answer.results[0];
      if (result && 'found' in result && result.found) versions.add(result.version);
      story.say(
        `${key.padEnd(28)} ${node}  ${standing(answer)}  ${bytes ? `${bytes.length} bytes` : 'nothing'}`,
      );
    }
    story.promise(
      found === nodes.length && versions.size === 1,
      `${key} is the same on all ${nodes.length} nodes`,
    );
  }
}

function standing({ standings }: ReadAnswer): string {
  const at = standings[0];
  if (at === undefined) return 'no standing';
  const ops = at.lagOps === undefined ? 'lag unknown' : `lag ${at.lagOps} ops`;
  const ms = at.lagMs === undefined ? '' : `, ${Math.round(at.lagMs)} ms`;
  return `at ${formatPosition(at.position)}, ${ops}${ms}`;
}

/** Equal by content; the order of fields is nobody's business. */
function same(a: unknown, b: unknown): boolean {
  const text = (value: unknown): string => JSON.stringify(Object.entries(value as object).sort());
  return text(a) === text(b);
}
