/** System calls of a running process that fail or are late, by strace. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Attached until `end`. What `inject` says is strace's `-e inject=`: `fsync,fdatasync:error=EIO`. */
export class Tracer {
  readonly #strace: ChildProcess;

  private constructor(strace: ChildProcess) {
    this.#strace = strace;
  }

  /** The injection works when this resolves. */
  static async attach(pid: number, inject: string): Promise<Tracer> {
    const calls = inject.split(':')[0] ?? '';
    const args = ['-f', '-p', String(pid), '-e', `trace=${calls}`, '-e', `inject=${inject}`];
    const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const lines = createInterface({ input: strace.stderr as NodeJS.ReadableStream });
    const ended = once(strace, 'exit').then(() => {
      throw new Error(`strace could not attach to ${pid}`);
    });
    const attached = (async () => {
      for await (const line of lines) if (line.includes('attached')) return;
    })();
    await Promise.race([attached, ended]);
    ended.catch(() => undefined);
    strace.stderr?.resume();
    return new Tracer(strace);
  }

  /** The process goes on as it was, if it lives. */
  async end(): Promise<void> {
    if (this.#strace.exitCode !== null || this.#strace.signalCode !== null) return;
    const ended = once(this.#strace, 'exit');
    this.#strace.kill('SIGINT');
    await ended;
  }
}
