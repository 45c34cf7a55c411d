/** The members of a cluster on one screen, and what moves. */
import type { MembersView, MemberView } from '@driftless/contracts';
import { type Paint, type Style, table } from '../output/terminal.ts';

const stateStyles: Record<MemberView['state'], Style> = {
  member: 'green',
  joining: 'yellow',
  leaving: 'yellow',
  left: 'dim',
};

export function renderMembers(view: MembersView, paint: Paint): string[] {
  const head = ['MEMBER', 'STATE', '', 'LEADS', 'HOLDS', 'COPIES'].map((cell) => paint('dim', cell));
  const rows = view.members.map((member) => {
    const { node, place, state, alive, leads, shards, copies } = member;
    const name =
      place === node || state === 'left' || state === 'leaving' ? node : `${node} (place of ${place})`;
    const heard = alive ? paint('green', 'alive') : paint(state === 'left' ? 'dim' : 'red', 'silent');
    return [name, paint(stateStyles[state], state), heard, listOf(leads), listOf(shards), listOf(copies)];
  });
  const moves = movesOf(view);
  return [...table([head, ...rows]), '', ...(moves.length > 0 ? moves : ['no shard moves'])];
}

/** A line a shard that is not yet where it should be. */
export function movesOf({ moves }: MembersView): string[] {
  return moves.map(({ shard, members, doing }) => `shard ${shard} on ${members.join(', ')}: ${doing}`);
}

function listOf(shards: readonly number[]): string {
  return shards.length === 0 ? '-' : shards.join(',');
}
