/** What a process tells at `/metrics`, for tests that compare it with what they did. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export type Labels = Readonly<Record<string, string | number>>;

/** One scrape of one process. */
export class Scrape {
  readonly samples: readonly Sample[];

  constructor(text: string) {
    this.samples = text
      .split('\n')
      .flatMap((line) => (line === '' || line.startsWith('#') ? [] : sampleOf(line)));
  }

  /** Throws when the process does not answer within the time, as Prometheus would give it up. */
  static async of(url: string, timeoutMs = 5000): Promise<Scrape> {
    const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.ok) throw new Error(`${url}/metrics answered ${answer.status}`);
    return new Scrape(await answer.text());
  }

  /** The one series with this name and these labels, among others; undefined when it is absent. */
  value(name: string, labels: Labels = {}): number | undefined {
    return this.all(name, labels)[0]?.value;
  }

  all(name: string, labels: Labels = {}): Sample[] {
    const wanted = Object.entries(labels);
    return this.samples.filter((sample) => {
      return sample.name === name && wanted.every(([label, value]) => sample.labels[label] === String(value));
    });
  }

  /** How many of a histogram's values were greater than one of its bounds. */
  above(name: string, bound: number, labels: Labels = {}): number {
    const all = this.value(`${name}_count`, labels) ?? 0;
    const within = this.value(`${name}_bucket`, { ...labels, le: bound });
    if (all > 0 && within === undefined) throw new Error(`${bound} is no bound of ${name}`);
    return all - (within ?? 0);
  }
}

/** `name{label="value",…} 1.5` */
function sampleOf(line: string): Sample {
  const [, name = '', inner = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === '') throw new Error(`this is no sample: ${line}`);
  const labels = Object.fromEntries(
    [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', text = '']) => [label, text]),
  );
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
}
