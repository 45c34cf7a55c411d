/** A plot as SVG: lines on logarithmic axes (or the x axis with even steps), each named at its end. */

export interface Line {
  name: string;
  points: readonly { x: number; y: number }[];
}

export interface Plot {
  title: string;
  xName: string;
  yName: string;
  lines: readonly Line[];
  /** Marks of an x axis with even steps, ascending; logarithmic without. */
  xMarks?: readonly number[];
}

const size = { width: 720, height: 440 };
const frame = { left: 76, right: 590, top: 48, bottom: 384 };
const colours = ['#2a6f97', '#d1495b', '#3a7d44', '#8f5b34'];
const count = new Intl.NumberFormat('en-US');

/** Whole powers of ten around what is drawn. */
interface Axis {
  from: number;
  to: number;
}

export function svgOf({ title, xName, yName, lines, xMarks }: Plot): string {
  const points = lines.flatMap((line) => line.points);
  const xs = axisOf(points.map(({ x }) => x));
  const ys = axisOf(points.map(({ y }) => y));
  const x = (value: number): number =>
    xMarks ? evenly(value, xMarks) : scaled(value, xs, frame.left, frame.right);
  const y = (value: number): number => scaled(value, ys, frame.bottom, frame.top);
  const drawn = lines.map((line, i) => drawLine(line, colours[i % colours.length] as string, x, y));
  const middle = (frame.top + frame.bottom) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}"
  font-family="sans-serif" font-size="13" fill="#222">
<title>${title}</title>
<rect width="${size.width}" height="${size.height}" fill="#fff"/>
<text x="${frame.left}" y="26" font-size="15" font-weight="bold">${title}</text>
${(xMarks ?? ticks(xs)).map((value) => xTick(value, x(value))).join('\n')}
${ticks(ys)
  .map((value) => yTick(value, y(value)))
  .join('\n')}
<text x="${(frame.left + frame.right) / 2}" y="${size.height - 12}" text-anchor="middle">${xName}</text>
<text transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle">${yName}</text>
${drawn.join('\n')}
</svg>
`;
}

function drawLine({ name, points }: Line, colour: string, x: Scale, y: Scale): string {
  const places = points.map((point) => ({ x: Math.round(x(point.x)), y: Math.round(y(point.y)) }));
  const path = places.map((place) => `${place.x},${place.y}`).join(' ');
  const dots = places.map((place) => `<circle cx="${place.x}" cy="${place.y}" r="4" fill="${colour}"/>`);
  const end = places.at(-1) ?? { x: 0, y: 0 };
  const label = `<text x="${end.x + 10}" y="${end.y + 4}" fill="${colour}">${name}</text>`;
  const curve = `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`;
  return [curve, ...dots, label].join('\n');
}

type Scale = (value: number) => number;

function xTick(value: number, at: number): string {
  return `<line x1="${at}" x2="${at}" y1="${frame.top}" y2="${frame.bottom}" stroke="#ddd"/>
<text x="${at}" y="${frame.bottom + 20}" text-anchor="middle">${count.format(value)}</text>`;
}

function yTick(value: number, at: number): string {
  return `<line x1="${frame.left}" x2="${frame.right}" y1="${at}" y2="${at}" stroke="#ddd"/>
<text x="${frame.left - 8}" y="${at + 4}" text-anchor="end">${short(value)}</text>`;
}

/** 1000 → 1k. */
function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  return value >= 1e3 ? `${value / 1e3}k` : `${value}`;
}

function axisOf(values: readonly number[]): Axis {
  const logs = values.map(Math.log10);
  const from = Math.floor(Math.min(...logs));
  return { from, to: Math.max(from + 1, Math.ceil(Math.max(...logs))) };
}

function ticks({ from, to }: Axis): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
}

function scaled(value: number, { from, to }: Axis, low: number, high: number): number {
  return low + ((Math.log10(value) - from) / (to - from)) * (high - low);
}

/** With a little room before the first mark. */
function evenly(value: number, marks: readonly number[]): number {
  const [first = 0, last = 1] = [marks[0], marks.at(-1)];
  const margin = 30;
  const width = frame.right - frame.left - margin;
  return frame.left + margin + (width * (value - first)) / Math.max(1, last - first);
}
