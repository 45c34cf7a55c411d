/**
 * What fails is told in the report, and the rest is measured all the same; the run fails in the end.
 */
import type { RunHead } from '../report/run.ts';
import type { Say } from './blocks.ts';

const reasonCharsMax = 400;

export class Attempts {
  /** Names. */
  readonly failed: string[] = [];
  readonly #skipped: RunHead['skipped'];
  readonly #say: Say;

  constructor(skipped: RunHead['skipped'], say: Say) {
    this.#skipped = skipped;
    this.#say = say;
  }

  async attempt(names: readonly string[], measure: () => Promise<void>): Promise<void> {
    try {
      await measure();
    } catch (error) {
      this.failed.push(...names);
      this.skip(names, `failed: ${reasonOf(error)}`);
    }
  }

  skip(names: readonly string[], reason: string): void {
    this.#skipped.push(...names.map((name) => ({ name, reason })));
    this.#say(`${names.join(', ')}: ${reason}`);
  }
}

/** With what it was caused by, in a line. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `: ${reasonOf(error.cause)}`;
  return `${error.message}${cause}`.replaceAll(/\s+/g, ' ').slice(0, reasonCharsMax);
}
