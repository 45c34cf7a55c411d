/** The servers that do nothing, one for each size of value; each is warm before it is measured. */
import type { Sample } from '../report/run.ts';
import { startCeiling } from '../targets/ceiling.ts';
import type { Target } from '../targets/target.ts';
import { type Shape, sampleOf } from './sample.ts';

const keys = 20_000;

export class Ceilings {
  readonly #warmUpMs: number;
  readonly #targets = new Map<number, Target>();
  readonly #warm = new Set<string>();

  constructor(warmUpMs: number) {
    this.#warmUpMs = warmUpMs;
  }

  /** Under a load of this shape; an increment's is the PUT that does nothing. */
  async sample(shape: Shape, times: { warmUpMs: number; measureMs: number }): Promise<Sample> {
    const { what, valueBytes } = shape;
    const target = this.#targets.get(valueBytes) ?? (await startCeiling(valueBytes));
    this.#targets.set(valueBytes, target);
    const bare: Shape = { ...shape, what: what === 'get' ? 'get' : 'put', keys };
    const kind = `${bare.what} ${valueBytes}`;
    if (!this.#warm.has(kind)) await sampleOf(target, bare, { warmUpMs: 0, measureMs: this.#warmUpMs });
    this.#warm.add(kind);
    return sampleOf(target, bare, times);
  }

  async stop(): Promise<void> {
    for (const target of this.#targets.values()) await target.stop();
  }
}
