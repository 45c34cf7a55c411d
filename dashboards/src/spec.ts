/**
 * What a board is made of, as the tables in `boards/` say it. How that becomes Grafana's JSON is `board.ts`.
 *
 * Expressions use Grafana's variables: `$job`, `$instance` and `$shard` are what the reader has picked, `.*`
 * by default, and `$__rate_interval` is a range that always holds enough scrapes.
 */

/** Grafana's names of units. */
export type Unit =
  | 'short'
  | 'none'
  | 's'
  | 'bytes'
  | 'Bps'
  | 'percentunit'
  | 'reqps'
  | 'ops'
  | 'cps'
  | 'bool_yes_no';

/**
 * From where on a value is yellow and red. `below`: the small ones are bad. `'any is right'`: an amount of
 * work, of which none is wrong by itself.
 */
export type Thresholds =
  | readonly [warning: number, critical: number]
  | readonly [warning: number, critical: number, 'below']
  | 'any is right';

export interface PanelSpec {
  readonly title: string;
  /** What is shown, and what a healthy value is. */
  readonly says: string;
  readonly unit: Unit;
  readonly thresholds: Thresholds;
  /** Legend → expression. */
  readonly of: Readonly<Record<string, string>>;
  /** Lines over time by default; `number`: the last value, large; `states`: bands of colour by value. */
  readonly as?: 'number' | 'states';
  /** Alerts whose pages say what to do. */
  readonly alerts?: readonly string[];
  /** Kinds of process whose traces explain it. */
  readonly traces?: 'gateway' | 'store-node' | 'anti-entropy';
}

export interface Marks {
  readonly title: string;
  readonly expression: string;
  /** With labels as `{{instance}}`. */
  readonly text: string;
  readonly color: string;
}

export interface BoardSpec {
  /** Its address is `/d/driftless-<name>`. */
  readonly name: string;
  readonly title: string;
  readonly says: string;
  /** Heading → panels under it. */
  readonly rows: Readonly<Record<string, readonly PanelSpec[]>>;
}

/** Label matchers: of what the reader has picked. */
export const picked = 'job=~"$job", instance=~"$instance"';
export const pickedShard = `${picked}, shard=~"$shard"`;

/** Per second. */
export const rate = (series: string): string => `rate(${series}[$__rate_interval])`;

export const sumBy = (labels: string, expression: string): string => `sum by (${labels}) (${expression})`;
export const maxBy = (labels: string, expression: string): string => `max by (${labels}) (${expression})`;

/** A quantile of a histogram; `by`: labels to keep. */
export function quantile(level: number, histogram: string, matchers: string, ...by: string[]): string {
  const series = rate(`${histogram}_bucket{${matchers}}`);
  return `histogram_quantile(${level}, ${sumBy([...by, 'le'].join(', '), series)})`;
}

/** Several quantiles as the expressions of a panel, with the labels to keep in the legend. */
export function quantiles(
  histogram: string,
  matchers: string,
  levels: readonly number[],
  ...by: string[]
): Record<string, string> {
  const labels = by.map((label) => ` {{${label}}}`).join('');
  return Object.fromEntries(
    levels.map((level) => [`p${level * 100}${labels}`, quantile(level, histogram, matchers, ...by)]),
  );
}

/** Nothing where nothing is counted below the line, since there is no share of it. */
export const share = (part: string, all: string): string => `${part} / (${all} > 0)`;

/** A count of what may never have happened: 0, not nothing. */
export const orZero = (expression: string): string => `(${expression}) or on() vector(0)`;
