/** Makes the plan of a seed: what clients do and what is broken, by the dice. */

import { Random } from '../harness/random.ts';
import { healerName } from './healer.ts';
import type { ClientOperation, Fault, FaultKind, Plan, Profile } from './plan.ts';

/** Time for the cluster to find its leaders before clients begin, milliseconds. */
const startMs = 3000;
const clientsMax = 6;

export interface GenerateOptions {
  /** Operations of a run, about. */
  operations: number;
  profile?: Profile | undefined;
  /** Only these kinds of faults. */
  kinds?: readonly FaultKind[] | undefined;
}

/** Keys that are written once, early: what is lost of them is missed by nobody before it is healed. */
const quietKeys = ['quiet-1', 'quiet-2', 'quiet-3', 'quiet-4'] as const;
const quietProfiles: readonly Profile[] = ['rot', 'everything'];

const profileWeights: Record<Profile, number> = {
  calm: 2,
  nodes: 30,
  jetstream: 25,
  power: 18,
  rot: 8,
  everything: 17,
};

const nodeFaults: Partial<Record<FaultKind, number>> = {
  kill: 4,
  'kill-in-call': 8,
  restart: 2,
  pause: 4,
  'slow-disk': 2,
  'no-way': 3,
  'lossy-network': 2,
  'nats-cut': 4,
  'nats-stall': 3,
  'nats-slow': 2,
  'nats-lossy': 3,
  'leases-unheard': 4,
  'nats-down': 1,
};
const jetstreamFaults: Partial<Record<FaultKind, number>> = {
  deliveries: 4,
  'acks-lost': 2,
  'nats-down': 4,
  'stream-deleted': 2,
  'stream-purged': 2,
  'stream-trimmed': 2,
  'last-message-deleted': 1,
  'consumer-deleted': 2,
  'leases-deleted': 1,
  'nats-lossy': 2,
};
const rotFaults: Partial<Record<FaultKind, number>> = {
  'row-rotten': 3,
  'row-lost': 2,
  'alien-row': 2,
  'leaf-spoilt': 2,
  'event-skipped': 1,
  'cursor-rewound': 2,
};
const faultsOf: Record<Profile, Partial<Record<FaultKind, number>>> = {
  calm: {},
  nodes: nodeFaults,
  jetstream: jetstreamFaults,
  power: { 'power-loss': 6, 'disk-loss': 1, 'files-put-back': 3, 'slow-disk': 1, deliveries: 1, 'no-way': 1 },
  rot: { ...rotFaults, kill: 1, pause: 1, deliveries: 1 },
  everything: { ...nodeFaults, ...jetstreamFaults, ...rotFaults, 'power-loss': 4 },
};

export function generate(seed: number, { operations, profile: wanted, kinds }: GenerateOptions): Plan {
  const random = new Random(`plan ${seed}`);
  const profile = wanted ?? random.weighted(profileWeights);
  const nodes = random.chance(0.15) ? 5 : 3;
  const shards = random.chance(0.7) ? 1 : 2;
  const lengthMs = random.between(15_000, 45_000);
  const hasSkew = random.chance(0.3);
  const shape = { nodes, shards, gateways: random.whole(1, 2) };
  return {
    format: 1,
    seed,
    profile,
    ...shape,
    antiEntropy: true,
    skewMs: Array.from({ length: nodes }, () => (hasSkew ? Math.round(random.between(-6e5, 6e5)) : 0)),
    config: configOf(random),
    operations: [
      ...(quietProfiles.includes(profile) ? quietKeys.map(quietPut) : []),
      ...operationsOf(random.fork('operations'), operations, lengthMs, !hasSkew),
    ],
    faults: faultsFor(random.fork('faults'), profile, shape, lengthMs, kinds),
  };
}

/** Small bounds are met sooner. */
function configOf(random: Random): Record<string, number> {
  const maybe = (name: string, value: number): [string, number][] =>
    random.chance(0.4) ? [[name, value]] : [];
  return Object.fromEntries([
    ['expiredKeptMs', 500],
    ...maybe('logBytesMin', random.pick([2000, 10_000])),
    ...maybe('logBytesMax', random.pick([20_000, 60_000])),
    ...maybe('ackPendingMax', random.pick([4, 16])),
    ...maybe('publishesInFlightMax', random.pick([1, 2, 32])),
    ...maybe('applyBurst', random.pick([1, 4])),
    ...maybe('followerSyncMs', random.pick([0, 1000])),
    ...maybe('handBackAfterMs', 3000),
  ]);
}

/** What clients ask, by weight, and how many of their values expire. */
const usual = { kinds: { put: 40, get: 38, increment: 8, delete: 7, list: 4 }, ttl: 0.05 };
const fleeting = { kinds: { put: 40, get: 30, increment: 6, delete: 24, list: 4 }, ttl: 0.3 };

function operationsOf(random: Random, count: number, lengthMs: number, hasTtl: boolean): ClientOperation[] {
  const clients = Array.from({ length: random.whole(2, clientsMax) }, (_, i) => `client-${i + 1}`);
  const keys = Array.from({ length: random.whole(2, 12) }, (_, i) => `key-${i + 1}`);
  const counters = ['counter-1', 'counter-2'];
  const acks = random.pick([
    ['leader', 'stream', 'majority', 'all'],
    ['stream'],
    ['majority', 'stream'],
    ['leader', 'stream', 'stream', 'majority'],
  ] as const);
  const reads = random.chance(0.7)
    ? (['session', 'session', 'strong', 'leader', 'eventual'] as const)
    : (['session'] as const);
  const mix = random.fork('mix').chance(0.3) ? fleeting : usual;
  return Array.from({ length: count }, (_, i): ClientOperation => {
    const at = Math.round(startMs + random.next() * lengthMs);
    const client = random.pick(clients);
    const key = random.pick(keys);
    const kind = random.weighted(mix.kinds);
    const base = { at, client, key, kind };
    if (kind === 'get') {
      const isCounter = random.chance(0.15);
      return { ...base, key: isCounter ? random.pick(counters) : key, level: random.pick(reads) };
    }
    if (kind === 'list')
      return { ...base, key: 'key-', level: random.pick(['eventual', 'session'] as const) };
    const idempotent = random.chance(0.6);
    const write = { ...base, ack: random.pick(acks), ...(idempotent && { idempotent }) };
    if (kind === 'increment') return { ...write, key: random.pick(counters), by: random.whole(1, 9) };
    const only = random.chance(0.2) ? { only: random.pick(['last', 'any', 'none'] as const) } : {};
    if (kind === 'delete') return { ...write, ...only };
    const ttl = hasTtl && random.chance(mix.ttl) ? { ttlSeconds: random.whole(1, 10) } : {};
    return { ...write, ...only, ...ttl, value: `v${i}` };
  }).sort((a, b) => a.at - b.at);
}

function quietPut(key: string): ClientOperation {
  const value = `value of ${key}`;
  return { at: startMs, client: 'client-1', kind: 'put', key, value, ack: 'majority', idempotent: true };
}

interface Shape {
  nodes: number;
  shards: number;
  gateways: number;
}

function faultsFor(
  random: Random,
  profile: Profile,
  shape: Shape,
  lengthMs: number,
  kinds: readonly FaultKind[] | undefined,
): Fault[] {
  if (profile === 'calm') return [];
  const all = Object.entries(faultsOf[profile]).filter(
    ([kind]) => !kinds || kinds.includes(kind as FaultKind),
  );
  // A run with few kinds of faults goes deeper than one with a bit of each.
  const some = all.filter(() => random.chance(0.7));
  const chosen = Object.fromEntries(some.length > 0 ? some : all);
  const faults: Fault[] = [];
  let at = startMs + random.between(0, 3000);
  // One node at a time loses what it has, and has it again: a majority's loss would excuse everything.
  const oneAtATime = profile === 'power' || profile === 'rot';
  while (at < startMs + lengthMs) {
    const fault = faultOf(
      random,
      random.weighted(chosen as Partial<Record<FaultKind, number>>),
      Math.round(at),
      shape,
      profile,
    );
    faults.push(fault);
    at = oneAtATime ? endOfDisturbance(fault) : at + random.between(200, 9000);
  }
  return faults;
}

/** Longer than a replica takes to have again what it lost. */
function endOfDisturbance(fault: Fault): number {
  return fault.at + ('forMs' in fault ? fault.forMs : 0) + 15_000;
}

/** What happens to any process; the other faults are of nodes. */
const anyProcess: readonly FaultKind[] = [
  'kill',
  'kill-in-call',
  'restart',
  'pause',
  'no-way',
  'nats-cut',
  'nats-stall',
  'nats-slow',
  'nats-lossy',
];

function faultOf(random: Random, kind: FaultKind, at: number, shape: Shape, profile: Profile): Fault {
  const isHealers = anyProcess.includes(kind) && random.chance(0.15);
  const node = isHealers ? healerName : `node-${random.whole(1, shape.nodes)}`;
  const shard = random.whole(0, shape.shards - 1);
  const forMs = Math.round(
    random.pick([random.between(20, 500), random.between(500, 4000), random.between(4000, 12_000)]),
  );
  const everyone = [
    ...Array.from({ length: shape.nodes }, (_, i) => `node-${i + 1}`),
    'gateway-1',
    healerName,
  ];
  switch (kind) {
    case 'kill-in-call':
      return { at, kind, node, calls: random.whole(1, 120), forMs };
    case 'power-loss':
      return { at, kind, node, share: random.pick([0, 0, random.next()]), forMs };
    case 'slow-disk':
      return { at, kind, node, syncMs: random.pick([5, 50, 800]), forMs };
    case 'no-way':
      return { at, kind, node, other: random.pick(everyone.filter((name) => name !== node)), forMs };
    case 'lossy-network':
      return { at, kind, loss: random.pick([0.05, 0.3]), slowMs: random.pick([0, 500]), forMs };
    case 'nats-slow':
      return { at, kind, node, slowMs: random.pick([50, 700, 3000]), forMs };
    case 'nats-lossy':
      return { at, kind, node, requests: random.pick([0, 0.2]), answers: random.pick([0.2, 0.7]), forMs };
    case 'leases-unheard':
      return { at, kind, node, loss: random.pick([0.3, 0.6]), forMs };
    case 'deliveries': {
      const p = (): number => random.pick([0, 0.1, 0.4]);
      return { at, kind, node, drop: p(), duplicate: p(), reorder: p(), forMs };
    }
    case 'acks-lost':
      return { at, kind, node, loss: random.pick([0.3, 1]), forMs };
    case 'nats-down':
      return { at, kind, forMs, lost: profile === 'nodes' ? 'nothing' : lostOf(random) };
    case 'row-lost':
      return { at, kind, node, key: random.pick(quietKeys) };
    case 'event-skipped':
      return { at, kind, node, shard, events: random.whole(1, 3) };
    case 'cursor-rewound':
      return { at, kind, node, shard, batches: random.whole(1, 5) };
    case 'row-rotten':
    case 'alien-row':
    case 'leaf-spoilt':
    case 'consumer-deleted':
      return { at, kind, shard, node };
    case 'stream-deleted':
    case 'stream-purged':
    case 'last-message-deleted':
      return { at, kind, shard };
    case 'stream-trimmed':
      return { at, kind, shard, messages: random.whole(1, 60) };
    case 'leases-deleted':
      return { at, kind };
    default:
      return { at, kind, node, forMs };
  }
}

function lostOf(random: Random): 'nothing' | 'everything' | 'leases' | number {
  return random.pick(['nothing', 'everything', 'leases', random.whole(1, 3), random.whole(1, 40)] as const);
}
