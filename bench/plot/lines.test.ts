import { expect, it } from 'vitest';
import { svgOf } from './lines.ts';

const plot = (points: { x: number; y: number }[]): string =>
  svgOf({ title: '', xName: '', yName: '', lines: [{ name: 'one', points }] });
const placesIn = (svg: string): number[][] =>
  [...svg.matchAll(/<circle cx="([^"]+)" cy="([^"]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);

it('equal factors are equal distances', () => {
  const [one = [], two = [], three = []] = placesIn(
    plot([
      { x: 10, y: 1 },
      { x: 100, y: 10 },
      { x: 1000, y: 100 },
    ]),
  );
  for (const axis of [0, 1]) {
    const [a = 0, b = 0, c = 0] = [one[axis], two[axis], three[axis]];
    expect(Math.abs(b - a)).toBeGreaterThan(50);
    expect(Math.abs(c - b - (b - a))).toBeLessThanOrEqual(1);
  }
});

it('values that are all the same have a place', () => {
  const places = placesIn(plot([10, 10].map((x) => ({ x, y: 100 }))));
  expect(places.flat().every(Number.isFinite)).toBe(true);
});
