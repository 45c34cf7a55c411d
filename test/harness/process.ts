/**
 * One real process of a test cluster: started, signalled, started again. Its output goes to a file in the
 * cluster's directory, which a failing test can show.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '@driftless/runtime';

export interface ProcessPlan {
  name: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  /** A group of its own, by which its packets can be told from others' (packets.ts); needs root. */
  gid?: number | undefined;
}

/** A part of a cluster that can be hit: a process, or what stands for one. */
export interface Part {
  readonly name: string;
  readonly isRunning: boolean;
  /** Of a process that runs on this machine. */
  readonly pid?: number | undefined;
  start(): void;
  /** Resolves when the signal has done what it does: for one that ends the part, when it has ended. */
  signal(signal: NodeJS.Signals): Promise<void>;
  /** Ends it, whatever state it is in. */
  end(): Promise<void>;
  output(): string;
}

const exitTimeoutMs = 20_000;

export class TestProcess implements Part {
  readonly name: string;
  readonly #plan: ProcessPlan;
  readonly #logFile: string;
  #child: ChildProcess | undefined;

  constructor(plan: ProcessPlan, directory: string) {
    this.name = plan.name;
    this.#plan = plan;
    this.#logFile = join(directory, `${plan.name}.log`);
  }

  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  start(): void {
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    const log = openSync(this.#logFile, 'a');
    const { command, args, env, gid } = this.#plan;
    const more = gid === undefined ? {} : { gid };
    this.#child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
      ...more,
    });
    closeSync(log);
  }

  /** Sends a signal and, unless it is one that pauses or resumes, waits for the end of the process. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || !this.isRunning) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
    await Promise.race([ended, this.#tooLong(signal)]);
  }

  async #tooLong(signal: string): Promise<never> {
    await waitUntil(() => !this.isRunning, {
      timeoutMs: exitTimeoutMs,
      intervalMs: 100,
      what: `${this.name} to end after ${signal}`,
    });
    return undefined as never;
  }

  /** Kills it, whatever state it is in. */
  async end(): Promise<void> {
    this.#child?.kill('SIGCONT');
    await this.signal('SIGKILL');
  }

  output(): string {
    return readFileSync(this.#logFile, 'utf8');
  }
}

/** The last that a part has said. */
export function tail(part: Part): string {
  const lines = part.output().split('\n');
  return `--- ${part.name}\n${lines.slice(-15).join('\n')}`;
}
