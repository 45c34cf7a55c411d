/**
 * The list of a cluster's members: who may hold shards, and who is to go. It says what replica sets *should*
 * be; what they are stands in each shard's log (docs/adr/0012-membership.md). So it needs no consensus:
 * every node keeps the list on its disk and tells it with its status, and lists that meet are merged entry
 * by entry, the later one winning. JetStream keeps nothing of it.
 */
import { z } from 'zod';
import { nodeIdSchema } from './names.ts';
import { preferredLeaders, replicasOf } from './placement.ts';

/**
 * `joining`: shards are on their way to it; `member`: it has those that it should; `leaving`: its shards go
 * to others; `left`: no shard counts on it, and starting it again lets it join anew.
 */
export const memberStates = ['joining', 'member', 'leaving', 'left'] as const;
export const memberSchema = z.object({
  node: nodeIdSchema,
  state: z.enum(memberStates),
  /** Under this name it is placed: its own, or that of the member it has replaced. */
  place: nodeIdSchema,
  /** Grows with each change of this entry. */
  version: z.number().int().min(0),
});
export type Member = z.infer<typeof memberSchema>;

/** By node id; a node has one entry. */
export const memberListSchema = z.array(memberSchema);
export type MemberList = readonly Member[];

/** `members.json` in a node's directory. */
export const memberFileSchema = z.object({ format: z.literal(1), members: memberListSchema });

/** The list that a cluster begins with. */
export function foundingMembers(nodes: readonly string[]): MemberList {
  return sorted(nodes.map((node) => ({ node, state: 'member', place: node, version: 0 })));
}

/** Commutative, associative and idempotent: nodes that heard the same have the same list. */
export function mergeMembers(a: MemberList, b: MemberList): MemberList {
  const merged = new Map(a.map((member) => [member.node, member]));
  for (const member of b) {
    const known = merged.get(member.node);
    if (!known || isLater(member, known)) merged.set(member.node, member);
  }
  return sorted([...merged.values()]);
}

/** Two changes made at once: the one that is further on the way out wins. */
function isLater(a: Member, b: Member): boolean {
  if (a.version !== b.version) return a.version > b.version;
  const [rankA, rankB] = [memberStates.indexOf(a.state), memberStates.indexOf(b.state)];
  return rankA === rankB ? a.place > b.place : rankA > rankB;
}

function sorted(members: Member[]): MemberList {
  return members.sort((a, b) => (a.node < b.node ? -1 : 1));
}

export function sameMembers(a: MemberList, b: MemberList): boolean {
  return (
    a.length === b.length &&
    a.every(({ node, version, state, place }, i) => {
      const other = b[i];
      return (
        other?.node === node && other.version === version && other.state === state && other.place === place
      );
    })
  );
}

export function memberOf(list: MemberList, node: string): Member | undefined {
  return list.find((member) => member.node === node);
}

/** Nodes that shards are placed on. */
export function stayingMembers(list: MemberList): Member[] {
  return list.filter(({ state }) => state === 'joining' || state === 'member');
}

/** The list with a node that has started: it joins if it is new here, or had left. */
export function withStarted(list: MemberList, node: string): MemberList {
  const known = memberOf(list, node);
  if (known && known.state !== 'left') return list;
  const place = freePlace(list, node);
  // An order about a node that wasn't known yet comes after its start, whatever the time.
  return changed(list, { node, state: 'joining', place, version: known ? known.version + 1 : 0 });
}

export function withState(list: MemberList, node: string, state: Member['state']): MemberList {
  const known = memberOf(list, node);
  if (!known || known.state === state) return list;
  return changed(list, { ...known, state, version: known.version + 1 });
}

/** `by` takes the place of `node`, and so its shards and no others; it may have joined already or not. */
export function withReplaced(list: MemberList, node: string, by: string): MemberList {
  const old = memberOf(list, node);
  if (!old || node === by) return list;
  const known = memberOf(list, by);
  const successor: Member = {
    node: by,
    state: known?.state === 'member' ? 'member' : 'joining',
    place: old.place,
    version: (known?.version ?? 0) + 1,
  };
  // The place that it gives up is free for the old one, should that ever join again.
  const leaver: Member = { ...old, place: known?.place ?? by, state: 'leaving', version: old.version + 1 };
  return changed(changed(list, successor), leaver);
}

function changed(list: MemberList, member: Member): MemberList {
  return sorted([...list.filter(({ node }) => node !== member.node), member]);
}

/** Its own name, unless a successor is placed under that. */
function freePlace(list: MemberList, node: string): string {
  const taken = new Set(stayingMembers(list).map(({ place }) => place));
  const free = [node, ...list.map(({ node: other }) => other)].find((place) => !taken.has(place));
  return free ?? node;
}

/** What the replica sets should be, by shard number, each with the preferred leader first. */
export function wantedPlacement(list: MemberList, shardCount: number, factor: number): string[][] {
  const staying = stayingMembers(list);
  const nodeAt = new Map(staying.map(({ node, place }) => [place, node]));
  const places = [...nodeAt.keys()];
  if (places.length === 0) return Array.from({ length: shardCount }, () => []);
  const sets = Array.from({ length: shardCount }, (_, shard) => replicasOf(shard, places, factor));
  return preferredLeaders(sets).map((leader, shard) => {
    const followers = (sets[shard] as string[]).filter((place) => place !== leader);
    return [leader, ...followers].map((place) => nodeAt.get(place) as string);
  });
}
