/**
 * A plot as SVG: lying bars on one even axis from 0, each of one part or of several laid end to end, with a
 * whisker from the smallest to the largest round where there is one.
 */
export interface Bar {
  name: string;
  parts: readonly { name: string; value: number }[];
  /** Ends of its whisker. */
  range?: readonly [min: number, max: number];
}

export interface BarPlot {
  title: string;
  unit: string;
  bars: readonly Bar[];
}

const width = 720;
const frame = { left: 150, right: 690, top: 48 };
const barPitch = 22;
const barHeight = 14;
const axisHeight = 44;
const legendPitch = 20;
const charWidth = 7.5;
const ticksWanted = 5;
const colours = ['#2a6f97', '#d1495b', '#3a7d44', '#8f5b34', '#6a4c93', '#e09f3e', '#5f6b73'];

export function barsSvg({ title, unit, bars }: BarPlot): string {
  const names = [...new Set(bars.flatMap(({ parts }) => parts.map(({ name }) => name)))];
  const colourOf = (name: string): string => colours[names.indexOf(name) % colours.length] as string;
  const ends = bars.map(({ parts, range }) => Math.max(totalOf(parts), range?.[1] ?? 0));
  const step = stepOf(Math.max(...ends));
  const ticks = Array.from({ length: Math.ceil(Math.max(...ends) / step) + 1 }, (_, i) => i * step);
  const end = ticks.at(-1) as number;
  const x = (value: number): number => Math.round(frame.left + (value / end) * (frame.right - frame.left));
  const bottom = frame.top + bars.length * barPitch;
  const legend = names.length > 1 ? legendRows(names) : [];
  const height = bottom + axisHeight + legend.length * legendPitch;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"
  font-family="sans-serif" font-size="13" fill="#222">
<title>${title}</title>
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${frame.left}" y="26" font-size="15" font-weight="bold">${title}</text>
${ticks.map((value) => tick(value, x(value), bottom)).join('\n')}
${bars.map((bar, i) => drawBar(bar, frame.top + i * barPitch, x, colourOf)).join('\n')}
<text x="${frame.right}" y="${bottom + 36}" text-anchor="end">${unit}</text>
${legend.map((row, i) => drawRow(row, bottom + axisHeight + 8 + i * legendPitch, colourOf)).join('\n')}
</svg>
`;
}

function totalOf(parts: Bar['parts']): number {
  return parts.reduce((sum, { value }) => sum + value, 0);
}

/** 1, 2 or 5 times a power of ten. */
function stepOf(largest: number): number {
  const rough = Math.max(largest, Number.MIN_VALUE) / ticksWanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
}

function tick(value: number, at: number, bottom: number): string {
  const label = Number(value.toPrecision(3));
  return `<line x1="${at}" x2="${at}" y1="${frame.top - 4}" y2="${bottom}" stroke="#ddd"/>
<text x="${at}" y="${bottom + 16}" text-anchor="middle">${label}</text>`;
}

function drawBar(
  { name, parts, range }: Bar,
  top: number,
  x: (value: number) => number,
  colourOf: (name: string) => string,
): string {
  let from = 0;
  const rects = parts.map((part) => {
    const left = x(from);
    from += part.value;
    const size = `width="${x(from) - left}" height="${barHeight}"`;
    return `<rect x="${left}" y="${top}" ${size} fill="${colourOf(part.name)}"/>`;
  });
  const middle = top + barHeight / 2;
  const label = `<text x="${frame.left - 8}" y="${middle + 5}" text-anchor="end">${name}</text>`;
  if (range === undefined) return [label, ...rects].join('\n');
  const [low, high] = range.map(x) as [number, number];
  const ends = [low, high].map((end) => `M${end},${middle - 4}v8`).join('');
  const whisker = `<path d="M${low},${middle}H${high}${ends}" stroke="#222"/>`;
  return [label, ...rects, whisker].join('\n');
}

/** As many names in a row as find room. */
function legendRows(names: readonly string[]): string[][] {
  const rows: string[][] = [[]];
  for (const name of names) {
    const row = rows.at(-1) as string[];
    if (widthOf([...row, name]) <= frame.right - frame.left) row.push(name);
    else rows.push([name]);
  }
  return rows;
}

function widthOf(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (name.length + 4) * charWidth, 0);
}

function drawRow(names: readonly string[], y: number, colourOf: (name: string) => string): string {
  return names
    .map((name, i) => {
      const x = frame.left + widthOf(names.slice(0, i));
      return `<text x="${x}" y="${y}" fill="${colourOf(name)}">■ ${name}</text>`;
    })
    .join('\n');
}
