import { zeroDigest } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exchangeLimits } from './exchange.ts';
import { meet } from './meeting.ts';
import type { Capture, Missed, OurReplica, Replica } from './ports.ts';

const limits = { captureAttemptsMax: 5, captureWaitMs: 100 };

function capture(seq: number): Capture {
  const nothing = zeroDigest();
  return { id: String(seq), position: { epoch: 1, seq }, root: nothing, tree: nothing, drift: nothing };
}
const passed = (seq: number): Missed => ({ reason: 'passed', position: { epoch: 1, seq } });
const notReached = (seq: number): Missed => ({ reason: 'not-reached', position: { epoch: 1, seq } });
const unavailable: Missed = { reason: 'unavailable', position: { epoch: 1, seq: 7 } };

/** Says one thing after the other, the last one again and again, and notes the aims that it was asked for. */
function says(answers: ((aim: number) => Capture | Missed)[], standsAt = 100) {
  const aims: number[] = [];
  const replica: Pick<OurReplica, 'position' | 'capture'> = {
    position: () => ({ epoch: 1, seq: standsAt }),
    capture: async (aim) => {
      aims.push(aim);
      return (answers[aims.length - 1] ?? answers.at(-1))?.(aim) ?? unavailable;
    },
  };
  return { aims, replica: replica as OurReplica };
}

describe('two replicas meet', () => {
  it('where ours stands, when both are at rest', async () => {
    const [ours, peer] = [says([capture]), says([capture])];
    const meeting = await meet(ours.replica, peer.replica, limits);
    expect(meeting).toMatchObject({ met: true, ours: { position: { seq: 100 } }, theirs: { id: '100' } });
    expect([ours.aims, peer.aims]).toEqual([[100], [100]]);
  });

  it('further ahead by twice what went by, when one has passed; and ever further', async () => {
    const peer = says([() => passed(110), () => passed(131), () => passed(231), capture]);
    const ours = says([capture]);
    expect(await meet(ours.replica, peer.replica, limits)).toMatchObject({ met: true });
    // 10 went by: 20 ahead. Then 21: 42 ahead. Then 100: 200 ahead.
    expect(peer.aims).toEqual([100, 110 + 20, 131 + 42, 231 + 200]);
  });

  it('where they stand, when what they aimed at was not reached', async () => {
    const [ours, peer] = [
      says([() => passed(103), () => notReached(104), capture]),
      says([capture, () => notReached(105), capture]),
    ];
    expect(await meet(ours.replica, peer.replica, limits)).toMatchObject({ met: true });
    expect([ours.aims, peer.aims]).toEqual([
      [100, 109, 105],
      [100, 109, 105],
    ]);
  });

  it('where one of them waits for the other, which lags', async () => {
    const [ours, peer] = [says([capture]), says([() => notReached(80), () => notReached(95), capture])];
    expect(await meet(ours.replica, peer.replica, limits)).toMatchObject({ met: true });
    expect([ours.aims, peer.aims]).toEqual([[100], [100, 100, 100]]);
    const mirrored = await meet(
      says([() => notReached(80), capture]).replica,
      says([capture]).replica,
      limits,
    );
    expect(mirrored).toMatchObject({ met: true });
  });

  it('or not, after so many attempts, and then it is said where they stand', async () => {
    const peer = says([() => notReached(80)]);
    expect(await meet(says([capture]).replica, peer.replica, limits)).toEqual({
      met: false,
      reason: 'They did not meet: this replica stands at 1-100, the peer at 1-80.',
    });
    expect(peer.aims).toHaveLength(limits.captureAttemptsMax);
  });

  it('or not, at once, when one of them has nothing to show', async () => {
    const peer = says([() => unavailable]);
    const meeting = await meet(says([capture]).replica, peer.replica, limits);
    expect(meeting).toEqual({ met: false, reason: 'The peer can’t capture its leaves now.' });
    expect(peer.aims).toHaveLength(1);
    const ours = await meet(says([() => unavailable]).replica, says([capture]).replica, limits);
    expect(ours).toMatchObject({ reason: 'This replica can’t capture its leaves now.' });
  });
});

/** A shard that is written at a steady rate; each replica has it all, so many milliseconds late. */
class Shard {
  readonly #ratePerMs: number;
  #now = 0;
  #ends = 0;

  constructor(ratePerMs: number) {
    this.#ratePerMs = ratePerMs;
  }

  replica(lateMs: number, latencyMs: number, stopsAtMs: number): OurReplica {
    const seqAt = (time: number): number =>
      Math.floor(this.#ratePerMs * Math.min(Math.max(0, time - lateMs), stopsAtMs));
    const answer = async (end: number, said: Capture | Missed): Promise<Capture | Missed> => {
      this.#ends = Math.max(this.#ends, end + latencyMs);
      return said;
    };
    const asks: Replica['capture'] = (aim, waitMs) => {
      const arrives = this.#now + latencyMs;
      if (seqAt(arrives) > aim) return answer(arrives, passed(seqAt(arrives)));
      for (let time = arrives; time <= arrives + waitMs; time += 1) {
        // Commits are of up to 3 operations: several seqs are passed at once, alike on all replicas.
        if (seqAt(time) >= aim) return answer(time, capture(Math.ceil(aim / 3) * 3));
      }
      return answer(arrives + waitMs, notReached(seqAt(arrives + waitMs)));
    };
    return {
      position: () => ({ epoch: 1, seq: seqAt(this.#now) }),
      capture: async (aim: number, waitMs: number) => {
        const said = asks(aim, waitMs);
        await undefined;
        this.#now = this.#ends;
        return said;
      },
    } as unknown as OurReplica;
  }
}

it('replicas meet at any rate of writes and any latency, one of them seconds behind', async () => {
  const late = fc.constantFrom([0, 0], [0, 3000], [3000, 0], [5, 20]);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 0, max: 50 }),
      late,
      fc.constantFrom(10, 8000, 60_000),
      async (ratePerMs, latencyMs, [ours = 0, theirs = 0], stopsAtMs) => {
        const shard = new Shard(ratePerMs);
        const [a, b] = [shard.replica(ours, 0, stopsAtMs), shard.replica(theirs, latencyMs, stopsAtMs)];
        expect(await meet(a, b, exchangeLimits)).toMatchObject({ met: true });
      },
    ),
  );
});
