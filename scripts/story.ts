/** What a demo says: steps, lines, promises that are kept or not, and figures for the end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration, grouped, type Output, paintFor, type Terminal } from '@driftless/cli';

const lookMs = 250;

export class Story {
  readonly paint: ReturnType<typeof paintFor>;
  readonly count = grouped;
  readonly time = formatDuration;
  readonly #out: Output;
  readonly #startedAt = performance.now();
  readonly #figures: [name: string, value: string][] = [];
  #kept = 0;
  #broken = 0;

  constructor({ out, env }: Pick<Terminal, 'out' | 'env'>) {
    this.#out = out;
    this.paint = paintFor(out, env);
  }

  step(text: string): void {
    this.#out.write(`\n${this.paint('bold', `▶ ${text}`)}\n`);
  }

  say(text: string): void {
    this.#out.write(`  ${text}\n`);
  }

  promise(isKept: boolean, text: string): void {
    if (isKept) this.#kept += 1;
    else this.#broken += 1;
    this.say(isKept ? this.paint('green', `✓ ${text}`) : this.paint('red', `✗ NOT AS PROMISED: ${text}`));
  }

  figure(name: string, value: string): void {
    this.#figures.push([name, value]);
  }

  fail(error: unknown): void {
    this.promise(false, error instanceof Error ? error.message : String(error));
  }

  /** Prints the summary; true when every promise was kept. */
  end(): boolean {
    this.step('Summary');
    for (const [name, value] of this.#figures) this.say(`${name.padEnd(10)} ${value}`);
    this.say(`${'in all'.padEnd(10)} ${this.time(performance.now() - this.#startedAt)}`);
    const kept = this.#broken === 0 && this.#kept > 0;
    this.promise(kept, `${this.#kept} of ${this.#kept + this.#broken} promises kept`);
    return kept;
  }

  /** For a command that writes its progress by itself: its lines, set in like the others. */
  indented(): Output {
    return { write: (text) => this.#out.write(String(text).replace(/^(?=.)/gm, '  ')) };
  }

  /** Looks again and again; false when the condition isn't met in time. */
  async until(timeoutMs: number, condition: () => Promise<boolean>): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (!(await condition())) {
      if (performance.now() > deadline) return false;
      await sleep(lookMs);
    }
    return true;
  }
}
