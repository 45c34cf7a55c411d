/**
 * A fault as the runner takes it: what it breaks, how it is done and undone, and what must hold. There is one
 * mechanism for all: load, `inject`, hold, undo, load again, calm, judge (`run.ts`). A fault is an entry of a
 * table (`../table`), so a new one is a few lines.
 */
import type { Loss } from '@driftless/checkers';
import type { ClusterOptions, TestCluster } from '../../harness/cluster.ts';
import type { TestProcess } from '../../harness/process.ts';
import type { Random } from '../../harness/random.ts';
import type { Traffic, TrafficOptions } from '../../harness/traffic.ts';

/** Undoes a fault. */
export type Undo = () => Promise<void> | void;

export interface Fault {
  /** In words, as the table of results shows it. */
  name: string;
  family: Family;
  /** What of the system it puts to the test. */
  breaks: string;
  /** The cluster that it needs; faults with the very same one share it. */
  cluster?: ClusterOptions;
  /** Traffic other than the usual one. */
  traffic?: Partial<Pick<TrafficOptions, 'acks' | 'mix' | 'perSecond'>>;
  /** What it takes for good: decides which acknowledgements must survive (checkers, durability.ts). */
  takes?: Loss[];
  /** Rows or positions become wrong. With any other fault, a node that says that it drifted is wrong. */
  spoils?: true;
  /**
   * Whether writes must flow again although the fault lasts, or once it is undone. Recovery is the longest
   * pause of any shard from then on.
   */
  recovers: 'while it lasts' | 'once it is undone';
  /** Published bounds, milliseconds. */
  recoveryMsMax: number;
  convergenceMsMax: number;
  /** Belongs to the short set, which `npm test` runs. */
  isShort?: true;
  /** How many runs `--fill` is content with, where one takes long. */
  runsEnough?: number;
  /** Why it can't be done on this machine, if it can't. */
  obstacle?: () => string | undefined;
  inject: (scene: Scene) => Promise<Undo> | Undo;
  /** How long it lasts: resolves when it may be undone. By default at once. */
  hold?: (scene: Scene) => Promise<void>;
  /** What an operator's tool does once writes flow again, to find what nobody has met. */
  verify?: (scene: Scene) => Promise<void>;
  /** Nodes may end by themselves, and are started again as a supervisor would. */
  endsNodes?: true;
  /** What is wrong besides what the checkers find, as sentences. After convergence. */
  judge?: (scene: Scene) => Promise<string[]>;
}

export const families = [
  'processes',
  'JetStream',
  'links',
  'disks',
  'clocks',
  'files',
  'NATS cluster',
  'no fault',
] as const;
export type Family = (typeof families)[number];

/** Where a fault is done. Who is hit changes from run to run. */
export interface Scene {
  cluster: TestCluster;
  traffic: Traffic;
  random: Random;
  /** A shard, the node that led it when the fault began, and one that followed. */
  shard: number;
  leader: TestProcess;
  follower: TestProcess;
  /** From now on the node holds other data than it had: its replicas are new ones to the checkers. */
  replaced(node: string): void;
  /** Resolves after a while; faults last as long as they say. */
  lasts(ms: number): Promise<void>;
}

/** At defaults, DESIGN §5 as published: writes flow again, and replicas are equal again. */
export const bounds = {
  recoveryMs: 10_000,
  convergenceMs: 10_000,
  convergenceAfterNatsMs: 30_000,
};
