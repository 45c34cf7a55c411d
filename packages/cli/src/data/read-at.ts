/** `get --node`: what one particular replica holds, told by itself, past the gateway's choice of replicas. */
import type { DriftlessClient, Read } from '@driftless/client';
import {
  DriftlessError,
  formatPosition,
  type ReadLevel,
  readLevelDefault,
  shardOf,
} from '@driftless/contracts';
import { replicaUrls } from '../cluster/replicas.ts';
import { readAtNode } from '../nodes/node-http.ts';
import { CommandError } from '../output/failure.ts';

export async function readAt(
  client: Pick<DriftlessClient, 'cluster'>,
  node: string,
  key: string,
  {
    level = readLevelDefault,
    maxStalenessMs,
  }: { level?: ReadLevel | undefined; maxStalenessMs?: number | undefined },
): Promise<Read> {
  const view = await client.cluster();
  const shard = shardOf(key, view.shardCount);
  const replicas = replicaUrls(view, shard);
  const url = replicas.find((replica) => replica.node === node)?.url;
  if (url === undefined) {
    const hint = `shard ${shard} is on ${replicas.map((replica) => replica.node).join(', ')}`;
    throw new CommandError(`${node} is not known to hold this key`, { hint });
  }
  const { results, standings, values } = await readAtNode(url, [
    { shard, key, level, ...(maxStalenessMs !== undefined && { maxStalenessMs }) },
  ]);
  const [result, standing, value] = [results[0], standings[0], values[0]];
  if (result === undefined || standing === undefined) throw new CommandError(`${node} gave no answer`);
  if ('error' in result) throw new DriftlessError(result.error, result.detail);
  if (!result.found || value === undefined)
    throw new DriftlessError('key-not-found', `${node} has no such key.`);
  return {
    value,
    version: result.version,
    contentType: result.type,
    bytes: result.bytes,
    node,
    position: formatPosition(standing.position),
    ...(standing.lagOps !== undefined && { lagOps: standing.lagOps }),
    ...(standing.lagMs !== undefined && { lagMs: standing.lagMs }),
  };
}
