/**
 * One run of one fault: load, fault, load again, calm, judgement. Several runs share a cluster, each with
 * keys of its own; rows of earlier runs must still be there after it.
 */
import { createReadStream } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CheckerName,
  checkHistory,
  type HistoryEventOf,
  HistoryWriter,
  readHistory,
} from '@driftless/checkers';
import { comparePositions, type Position } from '@driftless/contracts';
import type { TestCluster } from '../../harness/cluster.ts';
import type { Dump } from '../../harness/dump.ts';
import type { TestProcess } from '../../harness/process.ts';
import { Random } from '../../harness/random.ts';
import { Traffic } from '../../harness/traffic.ts';
import { driftTold, dumpEvents, dumpsOf, fileEvents, Watcher } from './evidence.ts';
import type { Fault, Scene } from './fault.ts';

export interface RunResult {
  fault: string;
  seed: number;
  operations: number;
  /** Facts that each checker judged: operations, rows, observations. */
  checked: Partial<Record<CheckerName, number>>;
  violations: string[];
  /** What could not be decided. Never passed off as fine. */
  doubts: string[];
  recoveryMs: number;
  convergenceMs: number;
  durationMs: number;
}

export interface RunOptions {
  seed: number;
  /** Number of the run on this cluster. */
  number: number;
  /** Where the history is written. */
  historyFile: string;
}

const perSecondDefault = 250;
/** Acknowledged writes in every shard before the fault, and after it. */
const warmUp = 25;
const coolDown = 50;
const supervisedEveryMs = 500;
/** How long we wait for what has a bound, so that a violation is measured and not only cut off. */
const patience = 4;

/** What all runs on one cluster know. */
export class Runs {
  readonly cluster: TestCluster;
  /** Versions of the rows that earlier runs left. */
  readonly #settled = new Map<string, Position>();
  readonly #lives = new Map<string, number>();
  /** Starts nodes that ended by themselves, where the fault lets them. */
  #supervisor: NodeJS.Timeout | undefined;

  constructor(cluster: TestCluster) {
    this.cluster = cluster;
  }

  async run(fault: Fault, options: RunOptions): Promise<RunResult> {
    const startedAt = performance.now();
    const { cluster } = this;
    await cluster.converged();
    const prefix = `r${options.number}/`;
    const writer = new HistoryWriter(options.historyFile, { shards: cluster.shardCount, note: fault.name });
    const replicaOf = (node: string): string => this.#replicaOf(node);
    const since = await this.#lastSeqs();
    const watcher = new Watcher(cluster, writer, replicaOf);
    const told = driftTold(cluster);
    const { seed } = options;
    const traffic = new Traffic(cluster, writer, {
      perSecond: perSecondDefault,
      ...fault.traffic,
      name: prefix.slice(0, -1),
      seed,
      replicaOf,
    });
    let recoveryMs = 0;
    const violations: string[] = [];
    try {
      const scene = await this.#scene(traffic, new Random(seed));
      recoveryMs = await this.#strike(fault, scene, writer);
      await traffic.stop();
      await cluster.converged(patience * fault.convergenceMsMax);
      violations.push(...((await fault.judge?.(scene)) ?? []));
    } finally {
      clearInterval(this.#supervisor);
      await traffic.stop().catch(() => undefined);
      await watcher.stop();
    }
    violations.push(
      ...(await this.#record(writer, { prefix, since, patienceMs: patience * fault.convergenceMsMax })),
    );
    if (!fault.spoils) violations.push(...told());
    writer.close();
    const results = checkHistory(await readHistory(createReadStream(options.historyFile)), {
      convergedWithinMs: fault.convergenceMsMax,
    });
    for (const { checker, violations: found } of results) {
      for (const { key, message } of found) violations.push(`${checker}: ${key ?? ''} ${message}`);
    }
    if (recoveryMs > fault.recoveryMsMax) {
      violations.push(`it took ${Math.round(recoveryMs)} ms until every shard took writes again`);
    }
    return {
      fault: fault.name,
      seed,
      operations: traffic.operations,
      checked: Object.fromEntries(results.map(({ checker, checked }) => [checker, checked])),
      violations,
      doubts: results.flatMap(({ checker, doubts }) => doubts.map((doubt) => `${checker}: ${doubt}`)),
      recoveryMs: Math.round(recoveryMs),
      convergenceMs: Math.round(Math.max(0, ...results.map(({ figures }) => figures.convergedAfterMs ?? 0))),
      durationMs: Math.round(performance.now() - startedAt),
    };
  }

  /** The fault, from its beginning until writes flow again; how long the longest pause of a shard was. */
  async #strike(fault: Fault, scene: Scene, writer: HistoryWriter): Promise<number> {
    const { traffic } = scene;
    await traffic.more(warmUp);
    const note = (phase: HistoryEventOf<'fault'>['phase']): void => {
      const { name, takes } = fault;
      writer.record({ type: 'fault', at: writer.now(), phase, fault: name, ...(takes && { takes }) });
    };
    const injectedAt = performance.now();
    note('begin');
    const undo = await fault.inject(scene);
    try {
      await fault.hold?.(scene);
    } finally {
      await undo();
    }
    note('end');
    const from = fault.recovers === 'while it lasts' ? injectedAt : performance.now();
    if (fault.endsNodes) this.#supervisor = setInterval(() => this.#restartEnded(), supervisedEveryMs);
    await traffic.more(coolDown, patience * fault.recoveryMsMax);
    await fault.verify?.(scene);
    return traffic.longestPauseMs(from);
  }

  #restartEnded(): void {
    for (const node of this.cluster.nodes) if (!node.isRunning) node.start();
  }

  async #scene(traffic: Traffic, random: Random): Promise<Scene> {
    const { cluster } = this;
    const shard = random.below(cluster.shardCount);
    const leader = cluster.node(await cluster.leaderOf(shard));
    const follower = random.pick(cluster.nodes.filter((node) => node !== leader)) as TestProcess;
    const replaced = (node: string): void => {
      this.#lives.set(node, (this.#lives.get(node) ?? 1) + 1);
    };
    const lasts = (ms: number): Promise<void> => sleep(ms);
    return { cluster, traffic, random, shard, leader, follower, replaced, lasts };
  }

  /** `node-1`, or `node-1 (2)` after its data was replaced. */
  #replicaOf(node: string): string {
    const life = this.#lives.get(node);
    return life === undefined ? node : `${node} (${life})`;
  }

  async #lastSeqs(): Promise<number[]> {
    const { cluster } = this;
    const status = await cluster.status(cluster.nodes[0]?.name ?? '');
    const seqs = new Array<number>(cluster.shardCount).fill(0);
    for (const { shard, applied } of status.shards) seqs[shard] = applied.seq;
    return seqs;
  }

  /** Puts the evidence of the nodes into the history; what is wrong already without a checker. */
  async #record(
    writer: HistoryWriter,
    { prefix, since, patienceMs }: { prefix: string; since: readonly number[]; patienceMs: number },
  ): Promise<string[]> {
    const { cluster } = this;
    const dumps = await dumpsOf(cluster, patienceMs);
    const at = writer.now();
    // What was put into a file by hand is no evidence of what the node does.
    const nodes = cluster.nodes.map(({ name }) => name).filter((name) => !this.#lives.has(name));
    // One by one: a long run has more than a call takes arguments.
    for (const event of fileEvents(cluster, nodes, { at, since })) writer.record(event);
    for (const dump of dumps) {
      const replica = this.#replicaOf(dump.head.node);
      for (const event of dumpEvents(dump, { at, prefix, replica })) writer.record(event);
    }
    return dumps.flatMap((dump) => this.#problemsOf(dump));
  }

  #problemsOf({ head, rows, root }: Dump): string[] {
    const { node, shard } = head;
    const problems =
      root === head.root ? [] : [`dumps: ${node}: the rows of shard ${shard} don't have its root`];
    for (const [key, { version }] of rows) {
      const before = this.#settled.get(key);
      if (before && comparePositions(version, before) < 0) problems.push(`dumps: ${node}: ${key} went back`);
    }
    for (const key of this.#settled.keys()) {
      if (this.cluster.shardOf(key) === shard && !rows.has(key))
        problems.push(`dumps: ${node}: ${key} is gone`);
    }
    for (const [key, { version, tombstone, expiresAt }] of rows) {
      // What is deleted or expires is removed for good once all have it.
      if (tombstone || expiresAt !== null) this.#settled.delete(key);
      else this.#settled.set(key, version);
    }
    return problems;
  }
}
