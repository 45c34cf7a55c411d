import { expect, it } from 'vitest';
import { barsSvg } from './bars.ts';

const bars = [
  { name: 'one', parts: [{ name: 'part', value: 0.25 }], range: [0.2, 0.3] as const },
  { name: 'two', parts: [{ name: 'part', value: 0.5 }] },
];

it('bars are as long as what they stand for, and parts lie end to end', () => {
  const widths = [...barsSvg({ title: '', unit: '', bars }).matchAll(/<rect x="150" y="\d+" width="(\d+)"/g)];
  const [one = 0, two = 0] = widths.map(([, width]) => Number(width));
  expect(two).toBeGreaterThan(100);
  expect(Math.abs(two - 2 * one)).toBeLessThanOrEqual(1);

  const parts = ['a', 'b'].map((name) => ({ name, value: 1 }));
  const svg = barsSvg({ title: '', unit: '', bars: [{ name: 'both', parts }] });
  const places = [...svg.matchAll(/<rect x="(\d+)" y="48" width="(\d+)"/g)];
  const [first, second] = places.map(([, x, width]) => ({ x: Number(x), width: Number(width) }));
  expect(second?.x).toBe((first?.x ?? 0) + (first?.width ?? 0));
  expect(svg).toContain('■ a');
});

it('a whisker goes from the smallest to the largest, and only where there is one', () => {
  expect(barsSvg({ title: '', unit: '', bars }).match(/<path /g)).toHaveLength(1);
});
