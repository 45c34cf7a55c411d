import { expect, test } from 'vitest';
import { freePort, freePortRange } from './port.ts';
import { waitUntil } from './wait.ts';

test('resolves with the first truthy value', async () => {
  let looks = 0;
  const value = await waitUntil(() => (++looks === 3 ? 'here' : undefined), {
    timeoutMs: 5_000,
    intervalMs: 1,
    what: 'it',
  });
  expect([value, looks]).toEqual(['here', 3]);
});

test('names what it waited for, and the last error', async () => {
  const waiting = waitUntil(() => Promise.reject(new Error('refused')), {
    timeoutMs: 20,
    intervalMs: 5,
    what: 'node-2 to be ready',
  });
  await expect(waiting).rejects.toThrow('waited 20 ms in vain for node-2 to be ready (last error: refused)');
});

test('stops at a signal', async () => {
  const waiting = waitUntil(() => false, {
    timeoutMs: 60_000,
    what: 'nothing',
    signal: AbortSignal.timeout(10),
  });
  await expect(waiting).rejects.toThrow();
});

test('free ports can be listened on', async () => {
  expect(await freePort()).toBeGreaterThan(1023);
  expect(await freePortRange(4)).toBeGreaterThan(1023);
});
