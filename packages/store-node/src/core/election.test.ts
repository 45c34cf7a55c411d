import type { Lease } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import {
  type ElectionConfig,
  type ElectionEffect,
  type ElectionEvent,
  type ElectionState,
  type ElectionStep,
  electionStart,
  leaseIsLive,
  stepElection,
} from './election.ts';

const config: ElectionConfig = {
  node: 'me',
  incarnation: 'life-1',
  rank: 1,
  leaseTtlMs: 4000,
  leaseMarginMs: 1000,
  leaseRenewMs: 1000,
  rankDelayMs: 400,
  resignTimeoutMs: 3000,
  retryDelayMs: 250,
};
const lease = (holder: string | null, more: Partial<Lease> = {}): Lease => {
  return { holder, incarnation: 'life-1', epoch: 6, ttlMs: 4000, next: null, ...more };
};
const mine = lease('me');
const theirs = lease('other');

const tick = (now: number, fit = true): ElectionEvent => ({ type: 'tick', now, fit });
const seen = (revision: number, lease: Lease | null, now = 0): ElectionEvent => {
  return { type: 'lease-seen', now, revision, lease };
};
const resign = (now: number, next: string | null = null): ElectionEvent => ({ type: 'resign', now, next });

function run(start: ElectionState, ...events: ElectionEvent[]): ElectionStep {
  const first: ElectionStep = { state: start, effects: [] };
  return events.reduce((step, event) => stepElection(step.state, event, config), first);
}
const kinds = (effects: readonly ElectionEffect[]): string[] => effects.map(({ type }) => type);

/** Nobody holds the lease; we claim at 1000, win revision 8, and lead in epoch 7. */
const following = run(electionStart, seen(7, lease(null))).state;
const claiming = run(following, tick(1000)).state;
const probing = run(claiming, { type: 'claim-won', revision: 8 }).state;
const catchingUp = run(probing, { type: 'stream-end', streamSeq: 50 }).state;
const appending = run(catchingUp, { type: 'caught-up', streamSeq: 50, epoch: 6 }).state;
const leading = run(appending, { type: 'epoch-appended', epoch: 7 }).state;
const resigning = run(leading, resign(1500, 'other')).state;
const states = { following, claiming, probing, 'catching-up': catchingUp, appending, leading, resigning };

/** Where each event leads, and with which effects; '·' is "stays". SPEC.md has this table in words. */
const events: Record<string, ElectionEvent> = {
  'a tick': tick(1100),
  'a tick when the renewal is due': tick(2000),
  'a tick when unfit': tick(1100, false),
  'a tick after the lease ran out': tick(5000),
  'its own lease seen': seen(9, mine, 1100),
  'an older lease seen': seen(6, theirs, 1100),
  "another's lease seen": seen(9, theirs, 1100),
  'claim-won': { type: 'claim-won', revision: 9 },
  'claim-lost': { type: 'claim-lost', now: 1100 },
  renewed: { type: 'renewed', revision: 9 },
  'renewal refused, ours': { type: 'renewal-refused', now: 1100, revision: 9, lease: mine },
  "renewal refused, another's": { type: 'renewal-refused', now: 1100, revision: 9, lease: theirs },
  'renewal refused, the bucket is new': { type: 'renewal-refused', now: 1100, revision: 0, lease: null },
  'link-restored': { type: 'link-restored', now: 1100 },
  'lease-unknown': { type: 'lease-unknown', now: 1100 },
  'stream-end': { type: 'stream-end', streamSeq: 60 },
  'caught-up': { type: 'caught-up', streamSeq: 50, epoch: 6 },
  'caught-up short of the end': { type: 'caught-up', streamSeq: 49, epoch: 6 },
  'epoch-appended': { type: 'epoch-appended', epoch: 7 },
  'epoch-appended of a campaign before': { type: 'epoch-appended', epoch: 5 },
  'fence-failed': { type: 'fence-failed' },
  deposed: { type: 'deposed' },
  resign: resign(1100, 'other'),
  drained: { type: 'drained' },
};
const stay = Object.fromEntries(Object.keys(events).map((name) => [name, '·']));
const holding = {
  'a tick when the renewal is due': '· renew',
  'a tick after the lease ran out': '· renew',
  "another's lease seen": 'following follow',
  "renewal refused, another's": 'following follow',
  'renewal refused, the bucket is new': 'following follow',
  deposed: 'following follow',
};
const campaigning = {
  ...holding,
  'a tick when unfit': 'following release follow',
  'a tick after the lease ran out': 'following follow',
  'fence-failed': 'campaigning find-stream-end',
  resign: 'following release follow',
};
const table: Record<keyof typeof states, Record<string, string>> = {
  following: { ...stay, 'a tick': 'claiming claim', ...claims() },
  claiming: {
    ...stay,
    'a tick after the lease ran out': 'following follow',
    'claim-won': 'campaigning find-stream-end',
    'claim-lost': 'following follow',
    'lease-unknown': 'following follow',
    resign: 'following follow',
  },
  probing: { ...stay, ...campaigning, 'stream-end': 'campaigning catch-up' },
  'catching-up': { ...stay, ...campaigning, 'caught-up': 'campaigning append-epoch' },
  appending: { ...stay, ...campaigning, 'epoch-appended': 'leading lead' },
  leading: { ...stay, ...holding, 'a tick when unfit': 'resigning drain', resign: 'resigning drain' },
  resigning: {
    ...stay,
    ...holding,
    'a tick after the lease ran out': 'leading stay',
    drained: 'following release follow',
  },
};

function claims(): Record<string, string> {
  const due = ['a tick when the renewal is due', 'a tick after the lease ran out'];
  return Object.fromEntries(due.map((name) => [name, 'claiming claim']));
}

describe.each(Object.keys(states) as (keyof typeof states)[])('%s', (name) => {
  it.each(Object.entries(events))('%s', (what, event) => {
    const before = states[name];
    const { state, effects } = stepElection(before, event, config);
    const role =
      state.role === before.role && !(effects[0]?.type ?? 'renew').match(/find|catch|append/)
        ? '·'
        : state.role;
    expect([role, ...kinds(effects)].join(' ')).toBe(table[name][what]);
  });
});

describe('E1 claims only when fit, and after its patience with that very revision, on its own clock', () => {
  it.each<[string, Lease | null, number]>([
    ['no lease: its turn by rank', null, 400],
    ['a lease given back: its turn by rank', lease(null), 400],
    ['a lease given back to it: its turn', lease(null, { next: 'me' }), 400],
    ['a lease given back to another: the TTL, then its turn', lease(null, { next: 'other' }), 4400],
    ["another's lease: the TTL, then its turn", theirs, 4400],
    ["another's lease with a longer TTL", lease('other', { ttlMs: 9000 }), 9400],
    ['its own, of an earlier life: at once', lease('me', { incarnation: 'life-0' }), 0],
  ])('%s', (_, lease, patience) => {
    const { state } = run(electionStart, seen(7, lease, 10_000));
    expect(run(state, tick(10_000 + patience - 1)).effects).toEqual([]);
    const { effects } = run(state, tick(10_000 + patience));
    expect(effects).toEqual([{ type: 'claim', revision: 7, lease: { ...mine, epoch: lease?.epoch ?? 0 } }]);
    expect(run(state, tick(99_999, false)).effects).toEqual([]);
  });

  it('and never without having seen what stands there', () => {
    expect(run(electionStart, tick(99_999)).effects).toEqual([]);
  });

  it('a new revision starts the wait anew; the same one told again does not', () => {
    const { state } = run(electionStart, seen(7, theirs, 0), seen(8, theirs, 3000));
    expect(run(state, tick(7399)).effects).toEqual([]);
    expect(kinds(run(state, tick(7400)).effects)).toEqual(['claim']);
    const again = run(electionStart, seen(7, theirs, 0), seen(7, theirs, 3000));
    expect(kinds(run(again.state, tick(4400)).effects)).toEqual(['claim']);
  });

  it('an older revision starts it anew, too: JetStream may have lost the bucket', () => {
    const { state } = run(electionStart, seen(7, theirs, 0), seen(2, theirs, 3000));
    expect(run(state, tick(7399)).effects).toEqual([]);
    expect(run(state, tick(7400)).effects).toMatchObject([{ type: 'claim', revision: 2 }]);
  });

  it('so does the end of a time without a link, in which it saw nothing', () => {
    const { state } = run(electionStart, seen(7, theirs, 0), { type: 'link-restored', now: 9000 });
    expect(run(state, tick(13_399)).effects).toEqual([]);
    expect(kinds(run(state, tick(13_400)).effects)).toEqual(['claim']);
    expect(run(electionStart, { type: 'link-restored', now: 9000 }).state).toEqual(electionStart);
  });
});

describe('E3 a lease counts from before it was asked for', () => {
  it('and acks end a margin before the TTL', () => {
    expect(leaseIsLive(following, 0, config)).toBe(false);
    expect(leaseIsLive(claiming, 1000, config)).toBe(false);
    expect(leaseIsLive(leading, 3999, config)).toBe(true);
    expect(leaseIsLive(leading, 4000, config)).toBe(false);
    const asked = run(leading, tick(2500));
    expect(leaseIsLive(asked.state, 4000, config)).toBe(false);
    const renewed = run(asked.state, { type: 'renewed', revision: 9 });
    expect(leaseIsLive(renewed.state, 5499, config)).toBe(true);
    expect(leaseIsLive(renewed.state, 5500, config)).toBe(false);
  });
});

describe('E4 renews in time', () => {
  it('every period, one request at a time', () => {
    expect(run(leading, tick(1999)).effects).toEqual([]);
    const asked = run(leading, tick(2000));
    expect(asked.effects).toEqual([{ type: 'renew', revision: 8, lease: lease('me', { epoch: 7 }) }]);
    expect(run(asked.state, tick(5999)).effects).toEqual([]);
    expect(kinds(run(asked.state, tick(6000)).effects)).toEqual(['renew']);
    expect(kinds(run(asked.state, { type: 'renewed', revision: 9 }, tick(3000)).effects)).toEqual(['renew']);
  });

  it('and again soon when the answer was lost', () => {
    expect(kinds(run(leading, tick(2000), { type: 'lease-unknown', now: 2000 }, tick(2100)).effects)).toEqual(
      ['renew'],
    );
  });

  it('from the revision that a lost answer made, without counting that as a renewal', () => {
    const refused = run(leading, tick(2000), {
      type: 'renewal-refused',
      now: 2100,
      revision: 9,
      lease: mine,
    });
    expect(leaseIsLive(refused.state, 4000, config)).toBe(false);
    expect(run(refused.state, tick(2200)).effects).toMatchObject([{ type: 'renew', revision: 9 }]);
  });

  it('a lease under its name but of another life is not its own', () => {
    const other = lease('me', { incarnation: 'life-0' });
    expect(run(leading, seen(9, other)).state.role).toBe('following');
  });
});

describe('E5 leads only behind the fence', () => {
  it('stream applied to its end, then its epoch right there', () => {
    expect(run(probing, { type: 'stream-end', streamSeq: 50 }).effects).toEqual([
      { type: 'catch-up', streamSeq: 50 },
    ]);
    const { effects } = run(catchingUp, { type: 'caught-up', streamSeq: 55, epoch: 6 });
    expect(effects).toEqual([{ type: 'append-epoch', epoch: 7, expectedStreamSeq: 55 }]);
  });

  it('and starts over when it did not fit', () => {
    const { state, effects } = run(appending, { type: 'fence-failed' });
    expect(state).toMatchObject({ role: 'campaigning', phase: { name: 'probing' } });
    expect(effects).toEqual([{ type: 'find-stream-end' }]);
  });
});

describe('E6 an epoch is later than any that is known', () => {
  it.each([
    [6, 6, 7],
    [9, 6, 10],
    [2, 6, 7],
    [0, 6, 7],
  ])('stream %i, lease %i: %i', (epoch, _, expected) => {
    const { effects } = run(catchingUp, { type: 'caught-up', streamSeq: 50, epoch });
    expect(effects).toMatchObject([{ type: 'append-epoch', epoch: expected }]);
  });

  it('and a renewal tells it to the bucket', () => {
    expect(run(leading, tick(2000)).effects).toMatchObject([{ lease: { epoch: 7 } }]);
    expect(run(appending, tick(2000)).effects).toMatchObject([{ lease: { epoch: 6 } }]);
  });
});

describe('E7 answers count in the phase that asked', () => {
  it('a late end of the stream does not call back a candidate that appends', () => {
    expect(run(appending, { type: 'stream-end', streamSeq: 90 })).toEqual({ state: appending, effects: [] });
  });

  it("an epoch appended by a campaign before does not make this one's leader", () => {
    const late: ElectionEvent = { type: 'epoch-appended', epoch: 7 };
    for (const state of [probing, catchingUp]) expect(run(state, late)).toEqual({ state, effects: [] });
    const { state } = run(catchingUp, { type: 'caught-up', streamSeq: 50, epoch: 8 });
    expect(run(state, late)).toEqual({ state, effects: [] });
  });
});

describe('E8 follows when it lost', () => {
  it('and keeps what it has seen, so that its patience begins where it should', () => {
    const { state } = run(leading, seen(9, theirs, 2000));
    expect(state).toEqual({ role: 'following', seen: { revision: 9, lease: theirs, since: 2000 } });
  });

  it('but a leader cut off from NATS goes on: nobody else can be elected either', () => {
    const { state } = run(leading, tick(2000), { type: 'lease-unknown', now: 2000 }, tick(60_000));
    expect(state.role).toBe('leading');
    expect(leaseIsLive(state, 60_000, config)).toBe(false);
  });
});

it('E2 a replica that has nothing leaves the lead to others for a while, where an epoch has begun', () => {
  const claimsAt = (lease: Lease | null, isEmpty: boolean): number => {
    const start = run(electionStart, seen(5, lease, 0)).state;
    const claimsBy = (now: number): boolean =>
      kinds(run(start, { type: 'tick', now, fit: true, isEmpty }).effects).includes('claim');
    return Array.from({ length: 400 }, (_, i) => i * 100).find(claimsBy) ?? Number.NaN;
  };
  for (const lease of [theirs, mine]) {
    expect(claimsAt(lease, true) - claimsAt(lease, false)).toBe(2 * config.leaseTtlMs);
  }
  expect(claimsAt(null, true)).toBe(claimsAt(null, false));
});

describe('E1 claims again', () => {
  const unanswered = (now: number): ElectionEvent => ({ type: 'lease-unknown', now });
  const claims = (state: ElectionState, now: number): boolean =>
    kinds(run(state, tick(now)).effects).includes('claim');

  it('after a pause when the claim was refused', () => {
    const { state } = run(claiming, { type: 'claim-lost', now: 1100 });
    expect([1349, 1350].map((now) => claims(state, now))).toEqual([false, true]);
  });

  it('after two TTLs when it got no answer, so that another node has the time to', () => {
    for (const lost of [unanswered(1100), tick(1000 + config.leaseTtlMs)]) {
      const { state } = run(claiming, lost);
      const from = 'now' in lost ? lost.now : 0;
      const due = from + 2 * config.leaseTtlMs;
      expect([due - 1, due].map((now) => claims(state, now))).toEqual([false, true]);
    }
  });

  it('at once when it sees that the lease is its own, but only once in a row', () => {
    const own = seen(9, mine, 1200);
    const { state } = run(claiming, unanswered(1100), own);
    expect(claims(state, 1201)).toBe(true);
    const again = run(state, tick(1201), unanswered(1300), seen(10, mine, 1400)).state;
    expect(claims(again, 1401)).toBe(false);
    const later = 1300 + 2 * config.leaseTtlMs;
    expect(claims(again, later)).toBe(true);
    // A link that is back has its first answer to lose again.
    const restored = run(again, { type: 'link-restored', now: 1500 }).state;
    expect(claims(restored, 1501)).toBe(true);
  });
});

describe('E9 gives a leadership back in order', () => {
  it('drained first, then the lease, with who should take it', () => {
    expect(run(leading, resign(1500, 'other')).effects).toEqual([{ type: 'drain' }]);
    const { effects } = run(resigning, { type: 'drained' });
    expect(effects).toMatchObject([
      { type: 'release', revision: 8, lease: { holder: null, next: 'other', epoch: 7 } },
      { type: 'follow' },
    ]);
  });

  it('renews meanwhile, and waits no longer than it may', () => {
    expect(kinds(run(resigning, tick(2000)).effects)).toEqual(['renew']);
    expect(kinds(run(resigning, tick(4499)).effects)).toEqual(['renew']);
    expect(kinds(run(resigning, tick(4500, false)).effects)).toEqual(['release', 'follow']);
  });

  it('what is not confirmed in time is not left behind while it may lead', () => {
    const { state, effects } = run(resigning, tick(4500));
    expect(effects).toEqual([{ type: 'stay' }]);
    expect(state).toMatchObject({ role: 'leading', epoch: 7 });
  });

  it('when it is not fit any more, too', () => {
    expect(run(leading, tick(1500, false))).toMatchObject({
      state: { role: 'resigning', next: null, deadline: 4500 },
      effects: [{ type: 'drain' }],
    });
  });
});
