/** What load is put on: a cluster of ours, a ceiling, a peer. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { LoadRequest } from '../load/plan.ts';
import type { Buckets } from '../statistics.ts';

/** What is asked for; a target makes its own request of it. */
export interface Ask {
  what: 'put' | 'get' | 'increment';
  /** Words of our API; targets without such levels have but one. */
  ack: 'leader' | 'stream' | 'majority' | 'all';
  level: 'eventual' | 'session' | 'bounded' | 'leader' | 'strong';
  valueBytes: number;
}

export interface Charged {
  /** Processes of one name are charged together. */
  name: string;
  pid: number;
}

export interface Target {
  readonly ports: readonly number[];
  /** Whose CPU time a request costs. */
  charged(): Promise<Charged[]>;
  request(ask: Ask): Promise<LoadRequest>;
  /** Gives the keys 0 … keys − 1 values of so many bytes. */
  fill?(keys: number, valueBytes: number): Promise<void>;
  /** Ages of events when followers applied them: seconds → how many. */
  lagBuckets?(): Promise<Buckets>;
  /** Value of the counter of key 0. */
  counter?(): Promise<number>;
  stop(): Promise<void>;
}

/** A process of our own sources that prints its port when it listens. */
export async function startPrinting(args: readonly string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${args[0]} ended with ${code} before it listened`);
  });
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
  ended.catch(() => {});
  return { child, port: Number(line.toString()) };
}
