import { describe, it } from 'vitest';
import { storeCases } from './acceptance.ts';
import { MemoryStore } from './memory.ts';

describe('the store in memory', () => {
  it.each(Object.entries(storeCases))('%s', (_, check) => {
    let now = 0;
    check({
      make: () => new MemoryStore(() => now),
      setNow: (to) => {
        now = to;
      },
    });
  });
});
