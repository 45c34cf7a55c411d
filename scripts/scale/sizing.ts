/**
 * The sizing recipe of the page, as code: what is needed for a load, from what each kind of process costs an
 * operation. The costs are inputs. `npm run bench` finds them for a machine; those of the worked example are
 * assumed.
 */
export interface SizingInput {
  writesPerSecond: number;
  /** Of any replica. */
  readsPerSecond: number;
  keys: number;
  keyBytes: number;
  valueBytes: number;
  /** What a row takes on disk besides key and value: version, digest, index, pages that are not full. */
  rowOverheadBytes: number;
  replicas: number;
  /** Share of all writes that the busiest shard gets. */
  hottestShare: number;
  /** CPU time of one operation, microseconds. */
  leaderUs: number;
  followerUs: number;
  readUs: number;
  gatewayUs: number;
  natsUs: number;
  /** Share of its core that a process may use, so that there is room for a node that dies, and for peaks. */
  utilisation: number;
  /** What the fullest node has, over the mean: placement's own number. */
  unevenness: number;
  diskBytesOfNode: number;
  /** Nodes that may be away at one time. */
  nodesAway: number;
  coresOfNats: number;
  /** Shards a node, at the size that the cluster may grow to: leaders spread well from ten on. */
  shardsOfNode: number;
  /** How many times as many nodes it may have one day. */
  growth: number;
  shardsMax: number;
  streamBytesMax: number;
  streamReplicas: number;
  logBytesMax: number;
}

export interface Sizing {
  nodesByCpu: number;
  nodesByDisk: number;
  nodes: number;
  shards: number;
  /** CPU share of a core that the leadership of the busiest shard takes. */
  hottestCore: number;
  gateways: number;
  natsServers: number;
  /** Into JetStream and out of it, bytes a second, events alone. */
  natsIn: number;
  natsOut: number;
  /** What JetStream must be able to store, in all servers together. */
  streamBytes: number;
}

const million = 1_000_000;

export function sizingOf(input: SizingInput): Sizing {
  const { writesPerSecond: writes, readsPerSecond: reads, replicas, utilisation } = input;
  const followers = replicas - 1;
  // Leaders are even; what copies cost is not.
  const copiesUs = (writes * followers * input.followerUs + reads * input.readUs) * input.unevenness;
  const nodesByCpu = Math.ceil((writes * input.leaderUs + copiesUs) / million / utilisation);
  const nodesByDisk = nodesForDisk(input);
  const nodes = Math.max(nodesByCpu, nodesByDisk, replicas) + input.nodesAway;
  const shards = Math.min(input.shardsMax, nodes * input.growth * input.shardsOfNode);
  const eventBytes = input.keyBytes + input.valueBytes;
  const gatewayCores = ((writes + reads) * input.gatewayUs) / million;
  const natsCores = (writes * input.natsUs) / million;
  return {
    nodesByCpu,
    nodesByDisk,
    nodes,
    shards,
    hottestCore: (writes * input.hottestShare * input.leaderUs) / million,
    gateways: Math.ceil(gatewayCores / utilisation) + 1,
    natsServers: Math.max(input.streamReplicas, Math.ceil(natsCores / utilisation / input.coresOfNats)),
    natsIn: writes * eventBytes,
    natsOut: writes * eventBytes * followers,
    streamBytes: shards * input.streamBytesMax * input.streamReplicas,
  };
}

/**
 * Rows and logs together. Logs are at most `logBytesMax` a copy, and there are as many copies as shards times
 * replicas; how many shards there will be hangs on the nodes, so a node's logs are counted by its own share.
 */
function nodesForDisk(input: SizingInput): number {
  const { keys, keyBytes, valueBytes, rowOverheadBytes, replicas, unevenness } = input;
  const rows = keys * (keyBytes + valueBytes + rowOverheadBytes) * replicas * unevenness;
  const copiesOfNode = input.shardsOfNode * input.growth * replicas;
  const logs = copiesOfNode * input.logBytesMax * unevenness;
  const free = input.diskBytesOfNode - logs;
  if (free <= 0)
    throw new RangeError('The logs alone fill the disk of a node: give it fewer shards, or more disk.');
  return Math.ceil(rows / free);
}
