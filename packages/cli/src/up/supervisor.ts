/**
 * The shell around the core: real processes, real time.
 *
 * Each child is started in a session of its own. A Ctrl-C goes to all processes of the terminal's group at
 * once, and nats-server would be gone before the nodes have published their last; so the children don't
 * belong to that group, and are stopped by this file only, in order. That also lets them outlive an `up`
 * that is killed; the next one finds them by their run files.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '@driftless/runtime';
import {
  type ChildEffect,
  type ChildEvent,
  type ChildReport,
  type ChildState,
  INITIAL_STATE,
  type RestartPolicy,
  step,
} from './core/supervisor.ts';
import { openLog } from './log-file.ts';

export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Undefined when ready, else what it waits for, in words. Throwing means: does not answer yet. */
  readonly notReady: (signal: AbortSignal) => Promise<string | undefined>;
  readonly stopTimeoutMs: number;
  /** Called after each start and each exit: for its run file. */
  readonly onSpawn?: ((pid: number) => void) | undefined;
  readonly onExit?: ((pid: number) => void) | undefined;
}

export interface SupervisorOptions {
  readonly logDir: string;
  readonly restart: boolean;
  readonly onReport: (name: string, report: ChildReport) => void;
}

const BACK_OFF_MS_MIN = 200;
const BACK_OFF_MS_MAX = 5_000;
const HEALTHY_MS = 30_000;
const READY_PROBE_INTERVAL_MS = 100;
const READY_PROBE_TIMEOUT_MS = 2_000;
/** By the convention of our processes: bad configuration. It would end the same way again. */
const EXIT_CODE_MISCONFIGURED = 2;
/** How long the kernel may take to end a process that was killed. */
const KILLED_GONE_MS = 5_000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #children = new Map<string, Child>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Starts these children, side by side. */
  start(specs: readonly ChildSpec[]): void {
    for (const spec of specs) {
      const child = new Child(spec, this.#options);
      this.#children.set(spec.name, child);
      child.handle({ type: 'start' });
    }
  }

  state(name: string): ChildState {
    return this.#child(name).state;
  }

  /** Names and reasons of those that are not ready yet. */
  waitingFor(names: readonly string[]): { readonly name: string; readonly reason: string }[] {
    const children = names.map((name) => this.#child(name)).filter(({ state }) => state.phase !== 'running');
    return children.map(({ spec, reason }) => ({ name: spec.name, reason }));
  }

  /** Asks these to stop; resolves when their processes are gone, killed if they take too long. */
  async stop(names: readonly string[]): Promise<void> {
    await this.#end(names, { type: 'stop' });
  }

  async kill(): Promise<void> {
    await this.#end([...this.#children.keys()], { type: 'kill' });
  }

  async #end(names: readonly string[], event: ChildEvent): Promise<void> {
    const children = names.flatMap((name) => this.#children.get(name) ?? []);
    for (const child of children) child.handle(event);
    await Promise.all(children.map((child) => child.gone()));
  }

  #child(name: string): Child {
    const child = this.#children.get(name);
    if (child === undefined) throw new Error(`there is no child called ${name}`);
    return child;
  }
}

/** One child: carries out the effects of its machine, and tells it what happens. */
class Child {
  readonly spec: ChildSpec;
  state: ChildState = INITIAL_STATE;
  /** Why it is not ready, in words. */
  reason = 'to start';
  readonly #options: SupervisorOptions;
  readonly #policy: RestartPolicy;
  #process: ChildProcess | undefined;
  #probing = new AbortController();

  constructor(spec: ChildSpec, options: SupervisorOptions) {
    this.spec = spec;
    this.#options = options;
    this.#policy = {
      restart: options.restart,
      backOffMsMin: BACK_OFF_MS_MIN,
      backOffMsMax: BACK_OFF_MS_MAX,
      healthyMs: HEALTHY_MS,
      stopTimeoutMs: spec.stopTimeoutMs,
    };
  }

  handle(event: ChildEvent): void {
    const { state, effects } = step(this.state, event, performance.now(), this.#policy);
    this.state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  async gone(): Promise<void> {
    await waitUntil(() => this.state.phase === 'stopped', {
      timeoutMs: this.spec.stopTimeoutMs + KILLED_GONE_MS,
      intervalMs: 20,
      what: `${this.spec.name} to be gone`,
    });
  }

  #carryOut(effect: ChildEffect): void {
    switch (effect.type) {
      case 'spawn':
        this.#spawn();
        break;
      case 'signal':
        this.#process?.kill(effect.signal);
        break;
      case 'wake':
        // Rounded up: a timer may fire a moment early, and the machine would have to ask again.
        setTimeout(() => this.handle({ type: 'tick' }), Math.ceil(effect.at - performance.now()) + 1);
        break;
      case 'report':
        this.#options.onReport(this.spec.name, effect.report);
        break;
    }
  }

  #spawn(): void {
    const { name, command, args, env, onSpawn } = this.spec;
    const log = openLog(this.#options.logDir, name);
    const child = spawn(command, args, { env, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    this.#process = child;
    this.#probing = new AbortController();
    const { pid } = child;
    // Without a pid it could not be started at all: then there is an error and no exit.
    if (pid === undefined) child.once('error', ({ message }) => this.#exited(undefined, message, true));
    else {
      child.once('exit', (code, signal) => {
        this.#exited(pid, signal ?? `exit code ${code}`, code === EXIT_CODE_MISCONFIGURED);
      });
      onSpawn?.(pid);
      void this.#probe(this.#probing.signal);
    }
  }

  #exited(pid: number | undefined, how: string, final: boolean): void {
    this.#probing.abort();
    this.#process = undefined;
    this.reason = `to start again (${how})`;
    if (pid !== undefined) this.spec.onExit?.(pid);
    this.handle({ type: 'exited', how, final });
  }

  /** Asks until it is ready, or its process is gone. */
  async #probe(gone: AbortSignal): Promise<void> {
    this.reason = 'to answer';
    while (!gone.aborted) {
      const reason = await this.spec
        .notReady(AbortSignal.any([gone, AbortSignal.timeout(READY_PROBE_TIMEOUT_MS)]))
        .catch(() => 'to answer');
      if (gone.aborted) return;
      if (reason === undefined) {
        this.handle({ type: 'ready' });
        return;
      }
      this.reason = reason;
      await sleep(READY_PROBE_INTERVAL_MS);
    }
  }
}
