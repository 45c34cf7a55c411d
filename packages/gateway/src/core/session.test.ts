import { describe, expect, it } from 'vitest';
import { Session } from './session.ts';

describe('a session', () => {
  it('holds the newest position of each shard, by epoch and then seq', () => {
    const session = new Session(new Map([[1, { epoch: 1, seq: 50 }]]));
    session.saw(1, { epoch: 1, seq: 40 });
    expect(session.seen(1)).toEqual({ epoch: 1, seq: 50 });
    session.saw(1, { epoch: 2, seq: 45 });
    session.saw(0, { epoch: 1, seq: 1 });
    expect([...session.positions]).toEqual([
      [1, { epoch: 2, seq: 45 }],
      [0, { epoch: 1, seq: 1 }],
    ]);
  });

  it('goes on from the agreed history after a loss, or without the shard when there is none', () => {
    const lost = { shard: 0, position: { epoch: 1, seq: 9 }, agreed: { epoch: 1, seq: 6 } };
    const session = new Session(new Map([[0, { epoch: 1, seq: 9 }]]));
    session.lost(lost);
    expect(session.seen(0)).toEqual({ epoch: 1, seq: 6 });
    session.lost({ ...lost, position: { epoch: 1, seq: 6 }, agreed: { epoch: 0, seq: 0 } });
    expect(session.seen(0)).toBeUndefined();
  });

  it('is not thrown back by a loss that is not of what it holds', () => {
    const session = new Session(new Map([[0, { epoch: 2, seq: 9 }]]));
    session.lost({ shard: 0, position: { epoch: 1, seq: 9 }, agreed: { epoch: 1, seq: 6 } });
    expect(session.seen(0)).toEqual({ epoch: 2, seq: 9 });
  });
});
