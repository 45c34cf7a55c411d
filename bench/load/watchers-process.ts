/** Starts and asks the process that plays watchers. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { WatchPlan, WatchReport } from './watching.ts';

export class Watchers {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(plan: WatchPlan) {
    const args = [join(import.meta.dirname, 'watchers.ts'), JSON.stringify(plan)];
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    // That it ended is told where its answer is missed.
    this.#child.stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** They watch when it resolves. */
  static async start(plan: WatchPlan): Promise<Watchers> {
    const watchers = new Watchers(plan);
    await watchers.#line();
    return watchers;
  }

  begin(): void {
    this.#child.stdin.write('begin\n');
  }

  /** When so many changes have come, or after so long. */
  async report(events: number, waitMs: number): Promise<WatchReport> {
    this.#child.stdin.write(`report ${events} ${waitMs}\n`);
    return JSON.parse(await this.#line()) as WatchReport;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    await ended;
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('The watchers ended.');
    return value;
  }
}
