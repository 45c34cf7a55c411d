import type { NodeStatus } from '@driftless/contracts';
import { expect, it } from 'vitest';
import { Roster } from './roster.ts';

const at = { epoch: 1, seq: 5 };

function status(natsRoundTripMs?: number): NodeStatus {
  const replica = {
    shard: 0,
    role: 'following' as const,
    members: ['node-1', 'node-2'],
    health: 'healthy' as const,
    applied: at,
    root: '0'.repeat(32),
    lagOps: 0,
    lagMs: 0,
    stream: { seq: 5, createdAt: '' },
    counts: { driftEvents: 0, corruptRows: 0, quarantined: 0, orphans: 0, gaps: 0 },
  };
  const told = { url: '', startedAt: '', incarnation: 'i', natsConnected: true, draining: false };
  return { ...told, node: 'node-2', members: [], shards: [replica], toldAt: 1000, natsRoundTripMs };
}

it('counts on a node to lead when it is well and near NATS, to follow when it is well', () => {
  const roster = new Roster(3000, 500);
  for (const [roundTripMs, leads] of [
    [undefined, true],
    [500, true],
    [501, false],
  ] as const) {
    roster.heard(status(roundTripMs), 1000);
    expect(roster.couldLead('node-2', 0, at, 1000)).toBe(leads);
    expect(roster.isWell('node-2', 0, at, 1000)).toBe(true);
  }
  expect(roster.isWell('node-2', 0, at, 4001)).toBe(false);
  expect(roster.couldLead('node-2', 0, { epoch: 2, seq: 5 }, 1000)).toBe(false);
});

it('measures by the echo of its own word how far NATS is', () => {
  const roster = new Roster(3000, 500);
  expect(roster.roundTripMs).toBeUndefined();
  roster.echoed(status(), 1003);
  expect(roster.roundTripMs).toBe(3);
});
