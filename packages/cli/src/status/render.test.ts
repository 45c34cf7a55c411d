import type { ClusterView } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { renderStatus } from './render.ts';

type Replica = ClusterView['shards'][number]['replicas'][number];

const rootA = 'a'.repeat(32);
const rootB = 'b'.repeat(32);
const wall = Date.UTC(2026, 0, 1);
const replica = (node: string, change: Partial<Replica> = {}): Replica => ({
  node,
  alive: true,
  shard: 0,
  role: node === 'node-1' ? 'leading' : 'following',
  health: 'healthy',
  members: ['node-1', 'node-2', 'node-3'],
  applied: { epoch: 3, seq: 1200 },
  root: rootA,
  lagOps: 0,
  lagMs: 0,
  stream: { seq: 9, createdAt: '2026-01-01T00:00:00Z' },
  counts: { driftEvents: 0, corruptRows: 0, quarantined: 0, orphans: 0, gaps: 0 },
  ...change,
});

function view(replicas: Replica[], change: Partial<ClusterView> = {}): ClusterView {
  return {
    cluster: 'test',
    shardCount: 1,
    replicationFactor: 3,
    gateway: 'gateway-1',
    nats: { connected: true, version: '2.14.5' },
    members: [],
    moves: [],
    nodes: [
      {
        node: 'node-1',
        incarnation: 'i',
        url: 'http://127.0.0.1:7101',
        startedAt: '2026-01-01T00:00:00Z',
        natsVersion: '2.14.5',
        natsConnected: true,
        draining: false,
        statusAgeMs: 120,
        alive: true,
        circuit: 'closed',
      },
    ],
    shards: [{ shard: 0, leader: 'node-1', epoch: 3, members: ['node-1', 'node-2', 'node-3'], replicas }],
    ...change,
  };
}
const plain = (_style: unknown, text: string): string => text;
const lineOf = (given: ClusterView, node: string): string =>
  renderStatus(given, plain, wall).find((line) => line.includes(`${node} `) && line.includes('3-')) ?? '';
const three = (change: Partial<Replica>): ClusterView =>
  view([replica('node-1'), replica('node-2', change), replica('node-3')]);

describe('status', () => {
  it('marks equal roots and the leader, and shows what NATS it is', () => {
    const given = three({});
    const text = renderStatus(given, plain, wall).join('\n');
    expect(text).toContain('NATS 2.14.5');
    for (const node of ['node-1', 'node-2', 'node-3'])
      expect(lineOf(given, node)).toMatch(/= equal +not yet$/);
    expect(lineOf(given, 'node-1')).toContain('node-1 *');
    expect(lineOf(given, 'node-2')).not.toContain('*');
  });

  it('shows a different root at the same position, on every replica that meets it', () => {
    const given = three({ root: rootB, health: 'drifted', reason: 'A digest check\nfailed.' });
    expect(lineOf(given, 'node-2')).toMatch(/drifted .*≠ DIFFERENT +not yet$/);
    expect(lineOf(given, 'node-1')).toMatch(/≠ DIFFERENT +not yet$/);
    expect(renderStatus(given, plain, wall)).toContain('shard 0, node-2: A digest check\\u000afailed.');
  });

  it('shows where a replica was proven equal last, by itself or by another, and what is suspect', () => {
    const proof = { with: 'node-1', position: { epoch: 3, seq: 1100 }, at: wall - 90_000 };
    const given = three({ proven: [proof], suspectBuckets: 12, health: 'drifted' });
    expect(lineOf(given, 'node-2')).toMatch(/drifted \(12 suspect\) .*3-1100, 1 min 30 s ago$/);
    expect(lineOf(given, 'node-1')).toMatch(/3-1100, 1 min 30 s ago$/);
    expect(lineOf(given, 'node-3')).toMatch(/not yet$/);
  });

  it('does not compare roots at different positions', () => {
    const given = three({ root: rootB, applied: { epoch: 3, seq: 1100 }, lagOps: 100, lagMs: 2500 });
    expect(lineOf(given, 'node-2')).toMatch(/100 +2\.5 s .*not comparable +not yet$/);
    expect(lineOf(given, 'node-1')).toMatch(/= equal to node-3 +not yet$/);
  });

  it('does not count the last word of a silent node as equal', () => {
    const given = three({ alive: false });
    expect(lineOf(given, 'node-2')).toMatch(/\(silent\).*not comparable +not yet$/);
    expect(lineOf(given, 'node-1')).toMatch(/= equal to node-3 +not yet$/);
  });

  it('shows what is not known as "?", never as 0', () => {
    const { lagOps: _ops, lagMs: _ms, ...unknown } = replica('node-2');
    expect(lineOf(view([replica('node-1'), unknown]), 'node-2')).toMatch(/3-1200 +\? +\? /);
  });

  it('shows the states of members, what moves, and copies that do not count', () => {
    const learner = replica('node-4', { role: 'learning' });
    const given = view([replica('node-1'), learner], {
      members: [
        {
          node: 'node-1',
          state: 'leaving',
          place: 'x',
          version: 1,
          alive: true,
          shards: [0],
          leads: [],
          copies: [],
        },
      ],
      moves: [{ shard: 0, members: ['node-1'], doing: 'node-4 takes a copy' }],
    });
    const lines = renderStatus(given, plain, wall);
    expect(lines.find((line) => line.startsWith('node-1'))).toMatch(/node-1 +leaving +alive/);
    expect(lines).toContain('shard 0 on node-1: node-4 takes a copy');
    expect(lineOf(given, 'node-4')).toContain('learning');
  });

  it('shows a missing leader, a missing replica and lost NATS', () => {
    const given = view([replica('node-1', { role: 'campaigning' })], { nats: { connected: false } });
    delete given.shards[0]?.leader;
    const text = renderStatus(given, plain, wall).join('\n');
    expect(text).toMatch(/0 no leader/);
    expect(text).toMatch(/node-3 +unknown/);
    expect(text).toContain('NATS out of reach');
  });
});
