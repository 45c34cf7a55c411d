import { expect, it } from 'vitest';
import { HandBack } from './hand-back.ts';

it('E9 a leadership goes back after its node was well for a while without a break', () => {
  const handBack = new HandBack(100);
  expect(handBack.isDue(0, true, 1000)).toBe(false);
  expect(handBack.isDue(0, true, 1099)).toBe(false);
  expect(handBack.isDue(0, true, 1100)).toBe(true);
});

it('E9 a break starts the wait anew, and so does a yes', () => {
  const handBack = new HandBack(100);
  handBack.isDue(0, true, 1000);
  expect(handBack.isDue(0, false, 1050)).toBe(false);
  expect(handBack.isDue(0, true, 1100)).toBe(false);
  expect(handBack.isDue(0, true, 1200)).toBe(true);
  expect(handBack.isDue(0, true, 1201)).toBe(false);
  expect(handBack.isDue(0, true, 1301)).toBe(true);
});

it('E9 each shard has its own wait', () => {
  const handBack = new HandBack(100);
  handBack.isDue(0, true, 1000);
  handBack.isDue(1, true, 1050);
  handBack.isDue(1, false, 1060);
  expect(handBack.isDue(0, true, 1100)).toBe(true);
  expect(handBack.isDue(1, true, 1150)).toBe(false);
});
