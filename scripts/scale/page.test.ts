import { expect, it } from 'vitest';
import { withParts } from './page.ts';

const page = 'Words.\n\n<!-- scale: one -->\nold\n<!-- end -->\n\n<!-- scale: two -->\n<!-- end -->\nMore.\n';

it('puts the parts between their marks, and again', () => {
  const made = withParts(page, { one: '| $1 |', two: 'b' });
  const [one, two] = ['<!-- scale: one -->\n\n| $1 |\n\n', '<!-- scale: two -->\n\nb\n\n'];
  expect(made).toBe(`Words.\n\n${one}<!-- end -->\n\n${two}<!-- end -->\nMore.\n`);
  expect(withParts(made, { one: '| $1 |', two: 'b' })).toBe(made);
});

it('has a place for each part, and a part for each place', () => {
  expect(() => withParts(page, { one: 'a' })).toThrow('"two"');
  expect(() => withParts(page, { one: 'a', two: 'b', three: 'c' })).toThrow('three');
});
