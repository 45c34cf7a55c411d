/**
 * Shows an import while it runs: on a terminal one line that is redrawn, elsewhere a plain line every few
 * seconds that a log can keep. Rate and time left are measured over this run; what an earlier run did doesn't
 * count.
 */
import { formatDuration, grouped, type Terminal, visibleWidth } from '../output/terminal.ts';

const redrawMs = 100;
const plainLineMs = 5000;
const barCells = 24;

export interface ImportView {
  acknowledged: number;
  rejected: number;
  /** Part of the source that is done, 0 … 1; absent when its size isn't known. */
  fraction?: number | undefined;
}

export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #startedAt: number;
  #start: ImportView | undefined;
  #shownAt: number;

  constructor(terminal: Terminal, now: () => number) {
    this.#terminal = terminal;
    this.#now = now;
    this.#startedAt = now();
    this.#shownAt = now();
  }

  /** Where this run begins. */
  begin(view: ImportView): void {
    this.#start = view;
  }

  show(view: ImportView): void {
    const now = this.#now();
    const { err } = this.#terminal;
    if (now - this.#shownAt < (err.isTTY ? redrawMs : plainLineMs)) return;
    this.#shownAt = now;
    const text = describe(this.#start ?? view, view, now - this.#startedAt, err.isTTY === true);
    err.write(err.isTTY ? redraw(text, err.columns ?? 80) : `${text}\n`);
  }

  /** A line of its own above the progress. */
  note(text: string): void {
    const { err } = this.#terminal;
    err.write(err.isTTY ? `\r\u001b[2K${text}\n` : `${text}\n`);
  }

  /** Leaves the terminal as it was before the progress line. */
  end(): void {
    if (this.#terminal.err.isTTY) this.#terminal.err.write('\r\u001b[2K');
  }
}

/** `[████░░] 42%  63,000 records  5,210/s  2 rejected  16.4 s left` */
export function describe(start: ImportView, view: ImportView, elapsedMs: number, bar: boolean): string {
  const parts: string[] = [];
  const { fraction } = view;
  if (fraction !== undefined) {
    const percent = `${Math.floor(fraction * 100)}%`;
    const filled = Math.round(fraction * barCells);
    parts.push(bar ? `[${'█'.repeat(filled)}${'░'.repeat(barCells - filled)}] ${percent}` : percent);
  }
  parts.push(`${grouped(view.acknowledged)} records`);
  const records = view.acknowledged - start.acknowledged;
  if (elapsedMs > 0) parts.push(`${grouped((records * 1000) / elapsedMs)}/s`);
  if (view.rejected > 0) parts.push(`${grouped(view.rejected)} rejected`);
  const moved = (fraction ?? 0) - (start.fraction ?? 0);
  if (fraction !== undefined && moved > 0) {
    parts.push(`${formatDuration((elapsedMs * (1 - fraction)) / moved)} left`);
  }
  return parts.join('  ');
}

function redraw(text: string, columns: number): string {
  return `\r\u001b[2K${visibleWidth(text) < columns ? text : text.slice(0, columns - 1)}`;
}
