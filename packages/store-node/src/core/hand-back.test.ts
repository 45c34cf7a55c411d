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
  handBack.taken(0);
  expect(handBack.isDue(0, true, 1201)).toBe(false);
  expect(handBack.isDue(0, true, 1301)).toBe(true);
});

it('E9 the wait doubles while the node does not take it, and is as before once it has', () => {
  const handBack = new HandBack(100);
  let now = 0;
  const waitMs = (): number => {
    const from = now;
    while (!handBack.isDue(0, true, now)) now += 10;
    return now - from;
  };
  expect(Array.from({ length: 9 }, waitMs)).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 6400, 6400]);
  handBack.taken(0);
  expect(waitMs()).toBe(100);
});

it('E9 each shard has its own wait', () => {
  const handBack = new HandBack(100);
  handBack.isDue(0, true, 1000);
  handBack.isDue(1, true, 1050);
  handBack.isDue(1, false, 1060);
  expect(handBack.isDue(0, true, 1100)).toBe(true);
  expect(handBack.isDue(1, true, 1150)).toBe(false);
});
