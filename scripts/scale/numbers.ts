/** Spreads, the binomial law, and numbers and texts as people read them. */

export interface Spread {
  least: number;
  mean: number;
  most: number;
  /** Standard deviation. */
  deviation: number;
  /** `most / mean`: how much more the busiest one has than its share. */
  ratio: number;
}

/** Throws `RangeError` on nothing. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('Nothing has no spread.');
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const most = Math.max(...values);
  const deviation = Math.sqrt(squares / values.length);
  return { least: Math.min(...values), mean, most, deviation, ratio: most / mean };
}

/**
 * Keys that fall into each of `shards` when `keys` are thrown at random: the least number that all shards
 * together stay below, but for `chance`. Exact sums of the binomial law (each shard alone has it), and the
 * union bound over shards: the true number is no larger.
 */
export function fullestShard(keys: number, shards: number, chance: number): number {
  const p = 1 / shards;
  const weights = weightsAbove(keys, p);
  // Below the mode the weights mirror those above closely, but are summed, not assumed.
  const total = weights.reduce((sum, weight) => sum + weight, 0) + weightBelow(keys, p);
  let tail = 0;
  for (let i = weights.length - 1; i >= 0; i -= 1) {
    tail += (weights[i] as number) / total;
    if (shards * tail > chance) return modeOf(keys, p) + i;
  }
  return modeOf(keys, p);
}

/** Past this share of the mode's weight nothing is added that a double would show. */
const negligible = 1e-18;

function modeOf(n: number, p: number): number {
  return Math.floor((n + 1) * p);
}

/** Weights of the mode (1), and of each number above it. */
function weightsAbove(n: number, p: number): number[] {
  const weights = [1];
  for (let k = modeOf(n, p); k < n; k += 1) {
    const weight = ((weights.at(-1) as number) * (n - k) * p) / ((k + 1) * (1 - p));
    if (weight < negligible) break;
    weights.push(weight);
  }
  return weights;
}

function weightBelow(n: number, p: number): number {
  let sum = 0;
  let weight = 1;
  for (let k = modeOf(n, p); k > 0; k -= 1) {
    weight *= (k * (1 - p)) / ((n - k + 1) * p);
    if (weight < negligible) break;
    sum += weight;
  }
  return sum;
}

/** `1,234`; a number below ten with one decimal, unless it is whole. */
export function whole(value: number): string {
  const digits = Number.isInteger(value) || value >= 10 ? 0 : 1;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

export function decimal(value: number, digits = 1): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Of a share; one that is not nothing never reads as 0. */
export function percent(share: number): string {
  return share > 0 && share < 0.001 ? '< 0.1%' : `${decimal(share * 100)}%`;
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Decimal units: a kB is 1,000 bytes. */
export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** power;
  return `${value < 10 && power > 0 ? decimal(value) : whole(Math.round(value))} ${units[power]}`;
}

export function seconds(ms: number): string {
  const rounded = Math.round(ms / 1000);
  if (rounded < 60) return `${decimal(ms / 1000)} s`;
  const rest = rounded % 60;
  return `${Math.floor(rounded / 60)} min${rest === 0 ? '' : ` ${rest} s`}`;
}

/** A text that is written over several lines. */
export function oneLine(parts: TemplateStringsArray, ...values: readonly string[]): string {
  const text = parts.map((part, i) => `${part}${values[i] ?? ''}`).join('');
  return text.replace(/\s+/g, ' ');
}
