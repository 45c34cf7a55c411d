/**
 * Everything that is measured in a closed loop, a line each: a base point, and one axis varied at a time.
 * What is not said is as in the base.
 */
import type { PeerName } from './peers/peers.ts';
import type { Ask } from './targets/target.ts';

/** A closed loop. */
export interface Load extends Ask {
  name: string;
  connections: number;
  keys: number;
  /** Who is measured. */
  on: ClusterShape | PeerName;
}

export interface ClusterShape {
  replicas: number;
  shards: number;
  gateways: number;
}

export interface Scenario extends Load {
  /** What the report puts side by side. */
  axis: 'base' | 'ack' | 'level' | 'value' | 'connections' | 'replicas' | 'shards' | 'counter' | 'peer';
}

export const cluster: ClusterShape = { replicas: 3, shards: 1, gateways: 1 };
export const base = {
  ack: 'stream',
  level: 'eventual',
  valueBytes: 100,
  connections: 64,
  keys: 20_000,
  on: cluster,
} as const;

type Varied = Partial<Omit<Scenario, 'name' | 'axis' | 'what' | 'on'>> &
  Partial<Record<'on', Scenario['on']>>;
const as =
  (what: Ask['what']) =>
  (name: string, axis: Scenario['axis'], varied: Varied = {}): Scenario => ({
    ...base,
    what,
    name,
    axis,
    ...varied,
  });
const put = as('put');
const get = as('get');
const increment = as('increment');

export const scenarios: readonly Scenario[] = [
  put('put', 'base'),
  put('put-leader', 'ack', { ack: 'leader' }),
  put('put-majority', 'ack', { ack: 'majority' }),
  put('put-all', 'ack', { ack: 'all' }),
  put('put-1k', 'value', { valueBytes: 1024 }),
  put('put-c1', 'connections', { connections: 1 }),
  put('put-c256', 'connections', { connections: 256 }),
  put('put-r1', 'replicas', { on: { ...cluster, replicas: 1 } }),
  put('put-r5', 'replicas', { on: { ...cluster, replicas: 5 } }),
  put('put-s4', 'shards', { on: { ...cluster, shards: 4 } }),
  put('put-s16', 'shards', { on: { ...cluster, shards: 16 } }),

  get('get', 'base'),
  get('get-leader', 'level', { level: 'leader' }),
  get('get-strong', 'level', { level: 'strong' }),
  get('get-session', 'level', { level: 'session' }),
  get('get-bounded', 'level', { level: 'bounded' }),
  get('get-1k', 'value', { valueBytes: 1024 }),
  get('get-c1', 'connections', { connections: 1 }),
  get('get-c256', 'connections', { connections: 256 }),
  get('get-r1', 'replicas', { on: { ...cluster, replicas: 1 } }),
  get('get-r5', 'replicas', { on: { ...cluster, replicas: 5 } }),
  get('get-s4', 'shards', { on: { ...cluster, shards: 4 } }),
  get('get-s16', 'shards', { on: { ...cluster, shards: 16 } }),

  increment('increment-hot', 'counter', { keys: 1 }),
  increment('increment-many', 'counter'),

  put('etcd', 'peer', { on: 'etcd' }),
  put('nats-kv', 'peer', { on: 'nats-kv' }),
  put('redis', 'peer', { on: 'redis' }),
  put('redis-wait', 'peer', { on: 'redis-wait' }),
  increment('flask-1', 'peer', { keys: 1, on: 'flask-1' }),
  increment('flask-4', 'peer', { keys: 1, on: 'flask-4' }),
];

/** Loads at a part of the peak that the same run found, by open loop; on the base cluster. */
export const partsOfPeak = [25, 50, 75] as const;
export const openLoops = [put('put', 'base'), get('get', 'base')];

/** More than there is room for, on the base cluster: PUTs due at so many times the best of these loads. */
export const overload = { timesPeak: 3, peaks: ['put', 'put-c256'], connections: 2048 } as const;

/** Whole jobs, which take longer than a round. */
export const jobs = ['sustained', 'overload', 'import', 'bootstrap'] as const;
export type JobName = (typeof jobs)[number];

/** Names that `--only` takes. */
export const allNames: readonly string[] = [
  ...scenarios.map(({ name }) => name),
  ...openLoops.map(({ name }) => openName(name)),
  ...jobs,
];

export function openName(name: string): string {
  return `open-${name}`;
}
