/** The clusters that the page looks at, the names of their nodes, and where the store places their shards. */
import { foundingMembers, wantedPlacement } from '@driftless/contracts';

export interface Shape {
  nodes: number;
  shards: number;
  /** Copies of each shard. */
  factor: number;
  /** How many of them there are is the operator's choice; here, so that there is something to count. */
  gateways: number;
  antiEntropy: number;
}

export const shapes: readonly Shape[] = [
  { nodes: 3, shards: 8, factor: 3, gateways: 2, antiEntropy: 1 },
  { nodes: 10, shards: 64, factor: 3, gateways: 3, antiEntropy: 1 },
  { nodes: 30, shards: 256, factor: 3, gateways: 6, antiEntropy: 2 },
  { nodes: 100, shards: 1000, factor: 3, gateways: 20, antiEntropy: 2 },
];

export const largest = shapes.at(-1) as Shape;

/** As `driftless up` names them; another `seed` gives other names, and so another draw of the hash. */
export function namesOf(count: number, seed = 0): string[] {
  const prefix = seed === 0 ? 'node' : `node-${seed}`;
  return Array.from({ length: count }, (_, i) => `${prefix}-${i + 1}`);
}

export function nameOf({ nodes, shards }: Shape): string {
  return `${nodes} × ${shards.toLocaleString('en-US')}`;
}

/** By shard number: the nodes that hold it, the preferred leader first. As `wantedPlacement` gives them. */
export type Placement = readonly (readonly string[])[];

const placed = new Map<string, Placement>();

/** What the store wants of a cluster of this shape; worked out once, for many tables begin with it. */
export function placementOf({ nodes, shards, factor }: Shape, seed = 0): Placement {
  const key = [nodes, shards, factor, seed].join();
  const known = placed.get(key);
  if (known) return known;
  const placement = wantedPlacement(foundingMembers(namesOf(nodes, seed)), shards, factor);
  placed.set(key, placement);
  return placement;
}
