import type { MembersView, MemberView } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { renderMembers } from './render.ts';

const member = (node: string, more: Partial<MemberView> = {}): MemberView => {
  return {
    node,
    state: 'member',
    place: node,
    version: 0,
    alive: true,
    shards: [0, 2],
    leads: [],
    copies: [],
    ...more,
  };
};
const linesOf = (view: MembersView): string[] => renderMembers(view, (_style, text) => text);

describe('members', () => {
  it('shows what each has, and that nothing moves', () => {
    const lines = linesOf({ members: [member('node-1', { leads: [2] }), member('node-2')], moves: [] });
    expect(lines.find((line) => line.startsWith('node-1'))).toMatch(/member +alive +2 +0,2 +-$/);
    expect(lines.find((line) => line.startsWith('node-2'))).toMatch(/member +alive +- +0,2 +-$/);
    expect(lines.at(-1)).toBe('no shard moves');
  });

  it('shows who is silent, whose place one has, copies that do not count, and moves', () => {
    const lost = member('node-3', { state: 'leaving', alive: false, place: 'node-4' });
    const by = member('node-4', { state: 'joining', place: 'node-3', shards: [], copies: [1] });
    const move = { shard: 1, members: ['node-1', 'node-3'], doing: 'node-4 takes a copy' };
    const lines = linesOf({ members: [member('node-1'), lost, by], moves: [move] });
    expect(lines.find((line) => line.startsWith('node-3'))).toMatch(/leaving +silent/);
    expect(lines.find((line) => line.startsWith('node-4'))).toMatch(
      /\(place of node-3\) +joining +alive +- +- +1$/,
    );
    expect(lines.at(-1)).toBe('shard 1 on node-1, node-3: node-4 takes a copy');
  });
});
