import type { NodeStatus } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { CaughtUp } from './caught-up.ts';

type Shard = NodeStatus['shards'][number];

const shard = (number: number, more: Partial<Shard>): Shard =>
  ({ shard: number, role: 'following', members: ['a', 'b'], ...more }) as Shard;
const at = (...shards: Shard[]): Pick<NodeStatus, 'node' | 'shards'> => ({ node: 'a', shards });

describe('a node has caught up', () => {
  it('when each of its replicas leads, or is near its leader', () => {
    expect(
      new CaughtUp().behind(at(shard(0, { role: 'leading' }), shard(1, { lagMs: 1000 }))),
    ).toBeUndefined();
  });

  it('not while one is far behind, or does not know', () => {
    expect(new CaughtUp().behind(at(shard(0, { lagMs: 0 }), shard(1, { lagMs: 1001 })))).toBe(1);
    expect(new CaughtUp().behind(at(shard(0, {})))).toBe(0);
  });

  it('for good, each shard at its own time', () => {
    const caughtUp = new CaughtUp();
    expect(caughtUp.behind(at(shard(0, { lagMs: 0 }), shard(1, {})))).toBe(1);
    expect(caughtUp.behind(at(shard(0, {}), shard(1, { lagMs: 0 })))).toBeUndefined();
    expect(caughtUp.behind(at(shard(0, {}), shard(1, { lagMs: 9999 })))).toBeUndefined();
  });

  it('whatever halted replicas do, and those that do not count', () => {
    const others = at(shard(0, { role: 'halted' }), shard(1, { role: 'learning', members: ['b'] }));
    expect(new CaughtUp().behind(others)).toBeUndefined();
  });
});
