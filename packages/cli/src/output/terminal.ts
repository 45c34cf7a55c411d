/**
 * How the commands speak to a person or to a pipe. Standard output carries what was asked for and nothing
 * else, so that it can be piped; progress, notes and errors go to standard error. Colours appear on a
 * terminal only, and not when NO_COLOR is set (no-color.org).
 */
import { stripVTControlCharacters, styleText } from 'node:util';

/** The part of `process.stdout` and `process.stderr` that commands use; a test collects instead. */
export interface Output {
  write(text: string | Uint8Array): boolean;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

export interface Terminal {
  readonly out: Output;
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
/** Colours a text, or leaves it as it is where colours don't belong. */
export type Paint = (style: Style, text: string) => string;

export const processTerminal: Terminal = { out: process.stdout, err: process.stderr, env: process.env };

/** A name that is set but empty does not count, as no-color.org has it. */
export function paintFor(output: Output, env: Terminal['env']): Paint {
  const colours = output.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  if (!colours) return (_style, text) => text;
  return (style, text) => styleText(style, text, { validateStream: false });
}

/** Rows as lines: columns of equal width, two spaces apart. `alignRight` names columns of numbers. */
export function table(rows: readonly (readonly string[])[], alignRight: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, visibleWidth(cell));
  }
  return rows.map((row) => {
    const cells = row.map((cell, i) => {
      const padding = ' '.repeat((widths[i] ?? 0) - visibleWidth(cell));
      return alignRight.includes(i) ? padding + cell : cell + padding;
    });
    return cells.join('  ').trimEnd();
  });
}

export function visibleWidth(text: string): number {
  return stripVTControlCharacters(text).length;
}

/**
 * A text that came from outside, fit to be shown on one line: control characters would move the cursor or
 * change the terminal's state.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** `1234567` → `1,234,567`. */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** A span of time for people: `850 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
