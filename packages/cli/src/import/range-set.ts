/**
 * Which records are done, as ranges: batches finish out of order, but most of the time what is done is one
 * range from 0 and a few ahead of it, so the set stays small however many records there are.
 */
import { z } from 'zod';

/** `[from, to)`: ascending, apart from each other. */
export const rangesSchema = z.array(z.tuple([z.number().int().min(0), z.number().int().min(1)]));
export type Range = [from: number, to: number];

export class RangeSet {
  #ranges: Range[];

  constructor(ranges: readonly Range[] = []) {
    this.#ranges = [];
    for (const [from, to] of ranges) this.add(from, to);
  }

  /** Adds the records `from` … `to − 1`. */
  add(from: number, to: number): void {
    if (to <= from) return;
    const before = this.#ranges.filter((range) => range[1] < from);
    const after = this.#ranges.filter((range) => range[0] > to);
    const touched = this.#ranges.slice(before.length, this.#ranges.length - after.length);
    const merged: Range = [
      Math.min(from, ...touched.map((range) => range[0])),
      Math.max(to, ...touched.map((range) => range[1])),
    ];
    this.#ranges = [...before, merged, ...after];
  }

  has(record: number): boolean {
    return this.#ranges.some(([from, to]) => from <= record && record < to);
  }

  get count(): number {
    return this.#ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  }

  toRanges(): Range[] {
    return this.#ranges.map(([from, to]) => [from, to]);
  }
}
