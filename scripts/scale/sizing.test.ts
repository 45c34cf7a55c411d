import { expect, it } from 'vitest';
import { type SizingInput, sizingOf } from './sizing.ts';

const input: SizingInput = {
  writesPerSecond: 10_000,
  readsPerSecond: 10_000,
  keys: 1_000_000,
  keyBytes: 20,
  valueBytes: 80,
  rowOverheadBytes: 100,
  replicas: 3,
  hottestShare: 0.1,
  leaderUs: 100,
  followerUs: 50,
  readUs: 50,
  gatewayUs: 100,
  natsUs: 100,
  utilisation: 0.5,
  unevenness: 2,
  diskBytesOfNode: 100e9,
  nodesAway: 1,
  coresOfNats: 1,
  shardsOfNode: 10,
  growth: 2,
  shardsMax: 1024,
  streamBytesMax: 1e8,
  streamReplicas: 3,
  logBytesMax: 5e8,
};

it('adds up what each kind of process costs', () => {
  expect(sizingOf(input)).toEqual({
    // Leaders 1 core, copies (1 + 0.5) × 2, at half use.
    nodesByCpu: 8,
    // 1.2 GB of rows in the 40 GB that 60 logs, twice as many on the fullest, leave.
    nodesByDisk: 1,
    nodes: 9,
    shards: 180,
    hottestCore: 0.1,
    gateways: 5,
    natsServers: 3,
    natsIn: 1_000_000,
    natsOut: 2_000_000,
    streamBytes: 180 * 1e8 * 3,
  });
});

it('has as many nodes as copies at least, and no more shards than may be', () => {
  const little = { ...input, writesPerSecond: 1, readsPerSecond: 1, growth: 1, nodesAway: 0 };
  expect(sizingOf(little).nodes).toBe(3);
  expect(sizingOf({ ...input, diskBytesOfNode: 1e12, shardsOfNode: 60, shardsMax: 100 }).shards).toBe(100);
});

it('refuses a node whose logs alone fill its disk', () => {
  expect(() => sizingOf({ ...input, diskBytesOfNode: 60e9 })).toThrow(RangeError);
});
