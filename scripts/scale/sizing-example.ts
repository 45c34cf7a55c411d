/** The worked example of the sizing recipe: its inputs, which are assumed, and what comes of them. */
import { markdownTable } from 'markdown-table';
import { bytes, decimal, oneLine, percent, whole } from './numbers.ts';
import { type SizingInput, sizingOf } from './sizing.ts';
import { heardByGateway, heardByNode, nodeDefaults, trafficOf } from './traffic.ts';

export const exampleInput: SizingInput = {
  writesPerSecond: 8_000,
  readsPerSecond: 40_000,
  keys: 500_000_000,
  keyBytes: 30,
  valueBytes: 200,
  rowOverheadBytes: 100,
  replicas: nodeDefaults.replicationFactor,
  hottestShare: 0.05,
  leaderUs: 80,
  followerUs: 40,
  readUs: 30,
  gatewayUs: 60,
  natsUs: 40,
  utilisation: 0.5,
  unevenness: 1.5,
  diskBytesOfNode: 200e9,
  nodesAway: 2,
  coresOfNats: 4,
  shardsOfNode: 10,
  growth: 2,
  shardsMax: 1024,
  streamBytesMax: 128 * 1024 * 1024,
  streamReplicas: 3,
  logBytesMax: nodeDefaults.logBytesMax,
};

/** How each input reads on the page, by its name in the formulas. */
const inputs: Record<keyof SizingInput, [what: string, text: (value: number) => string]> = {
  writesPerSecond: ['Writes a second', whole],
  readsPerSecond: ['Eventual reads a second', whole],
  keys: ['Keys', whole],
  keyBytes: ['Bytes of a key', whole],
  valueBytes: ['Bytes of a value', whole],
  rowOverheadBytes: ['Bytes that a row takes besides', whole],
  replicas: ['Copies of a shard: `replicationFactor`', whole],
  hottestShare: ['Share of the writes that the busiest shard gets', percent],
  leaderUs: ['CPU of a write at its leader, µs', whole],
  followerUs: ['CPU of a write at one follower, µs', whole],
  readUs: ['CPU of a read at a node, µs', whole],
  gatewayUs: ['CPU of a request at a gateway, µs', whole],
  natsUs: ['CPU of a write at NATS, µs', whole],
  utilisation: ['Share of its core that a process may use', percent],
  unevenness: ['The fullest node over the mean', (value) => decimal(value)],
  diskBytesOfNode: ['Disk of a node', bytes],
  nodesAway: ['Nodes that may be away', whole],
  coresOfNats: ['Cores of a NATS server', whole],
  shardsOfNode: ['Shards for each node that it may have one day', whole],
  growth: ['How many times as many nodes that is', whole],
  shardsMax: ['Most shards that `shards` may be', whole],
  streamBytesMax: ['`streamBytesMax`', bytes],
  streamReplicas: ['`streamReplicas`', whole],
  logBytesMax: ['`logBytesMax`', bytes],
};

export function inputsTable(): string {
  const names = Object.keys(inputs) as (keyof SizingInput)[];
  return markdownTable([
    ['Input', 'Name in the formulas', 'Assumed here'],
    ...names.map((name) => {
      const [what, text] = inputs[name];
      return [what, `\`${name}\``, text(exampleInput[name])];
    }),
  ]);
}

export function outcomeTable(): string {
  const sizing = sizingOf(exampleInput);
  const { nodes, shards, gateways } = sizing;
  const traffic = trafficOf({ nodes, shards, factor: exampleInput.replicas, gateways, antiEntropy: 1 });
  const { looksPerNews, newsPerSecond } = traffic.gateway;
  return markdownTable([
    ['Needed', 'How', 'In the example'],
    [
      'Nodes by CPU',
      oneLine`(\`writesPerSecond\` × \`leaderUs\` + (\`writesPerSecond\` × (\`replicas\` − 1) ×
        \`followerUs\` + \`readsPerSecond\` × \`readUs\`) × \`unevenness\`) ÷ 10⁶ ÷ \`utilisation\``,
      whole(sizing.nodesByCpu),
    ],
    [
      'Nodes by disk',
      oneLine`\`keys\` × (\`keyBytes\` + \`valueBytes\` + \`rowOverheadBytes\`) × \`replicas\` ×
        \`unevenness\` ÷ (\`diskBytesOfNode\` − logs of a node)`,
      whole(sizing.nodesByDisk),
    ],
    ['Nodes', 'the larger of both, at least `replicas`, and `nodesAway` more', whole(sizing.nodes)],
    ['Shards', 'nodes × `growth` × `shardsOfNode`, at most `shardsMax`', whole(sizing.shards)],
    [
      'Core that the busiest shard takes at its leader',
      '`writesPerSecond` × `hottestShare` × `leaderUs` ÷ 10⁶; must stay below `utilisation`',
      percent(sizing.hottestCore),
    ],
    [
      'Gateways',
      '(`writesPerSecond` + `readsPerSecond`) × `gatewayUs` ÷ 10⁶ ÷ `utilisation`, and one more',
      whole(sizing.gateways),
    ],
    [
      'NATS servers',
      '`writesPerSecond` × `natsUs` ÷ 10⁶ ÷ `utilisation` ÷ `coresOfNats`, at least `streamReplicas`',
      whole(sizing.natsServers),
    ],
    ['Events into NATS', '`writesPerSecond` × (`keyBytes` + `valueBytes`) a second', bytes(sizing.natsIn)],
    ['Events out to followers', 'the same, × (`replicas` − 1)', bytes(sizing.natsOut)],
    [
      'Storage of JetStream, all servers',
      'shards × `streamBytesMax` × `streamReplicas`',
      bytes(sizing.streamBytes),
    ],
    ['A node hears a second, at rest', 'counted as above', whole(heardByNode(traffic).messages)],
    ['A gateway hears a second, at rest', 'counted as above', whole(heardByGateway(traffic).messages)],
    ['Replicas that a gateway looks at a second', 'counted as above', whole(looksPerNews * newsPerSecond)],
  ]);
}
