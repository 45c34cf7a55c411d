/**
 * How a shard's replica set comes to what it should be (SPEC.md, M1–M6): one step, decided by the shard's
 * leader from what it knows now. A node that is missing is invited first: it takes a copy and follows,
 * without a vote. When it keeps up it is added, and only then one that must go is removed. So a shard never
 * has fewer copies than it should on the way, and each set has a majority in common with the one before.
 */
import { majorityOf } from '@driftless/contracts';

export interface Situation {
  /** The leader, which decides. */
  self: string;
  /** The set in force. */
  members: readonly string[];
  /** The set that the list of members asks for. */
  wanted: readonly string[];
  /** The record of the set in force, of this epoch, is on the disks of a majority of it. */
  settled: boolean;
  /** Other nodes that hold the shard, are well, and keep up with us. */
  keepingUp: ReadonlySet<string>;
  /** Other nodes that are heard of. */
  alive: ReadonlySet<string>;
  /** One more shard may begin to move. */
  mayInvite: boolean;
}

export type Step =
  /** The set is as it should be. */
  | { kind: 'rest' }
  | { kind: 'wait'; why: string }
  /** The node shall take a copy, and follow. */
  | { kind: 'invite'; node: string }
  /** The next set: the one in force, and one node more or less. */
  | { kind: 'change'; members: string[]; why: string }
  /** We have to go ourselves: another one has to lead. */
  | { kind: 'hand-over'; to: string };

export function nextStep(situation: Situation): Step {
  const { members, wanted, settled } = situation;
  const missing = wanted.filter((node) => !members.includes(node));
  const surplus = members.filter((node) => !wanted.includes(node));
  // Nobody is wanted only while no list of members is known.
  if ((missing.length === 0 && surplus.length === 0) || wanted.length === 0) return { kind: 'rest' };
  if (!settled) return wait('a majority has to have the last change on disk');
  return members.length > wanted.length ? removal(situation, surplus) : addition(situation, missing);
}

function wait(why: string): Step {
  return { kind: 'wait', why };
}

function addition({ self, members, keepingUp, alive, mayInvite }: Situation, missing: string[]): Step {
  const ready = missing.find((node) => keepingUp.has(node));
  if (ready !== undefined) {
    const next = [...members, ready];
    if (countOf(next, self, keepingUp) >= majorityOf(next.length)) return change(next, `add ${ready}`);
    return wait(`too few replicas keep up to add ${ready}`);
  }
  const node = missing.find((candidate) => alive.has(candidate));
  if (node === undefined) return wait(`${missing.join(' and ')} has to be started`);
  return mayInvite ? { kind: 'invite', node } : wait('other shards move first');
}

/** Those that don't keep up go first: they are missed least. */
function removal({ self, members, wanted, keepingUp }: Situation, surplus: string[]): Step {
  const others = surplus.filter((node) => node !== self);
  const inTurn = [
    ...others.filter((node) => !keepingUp.has(node)),
    ...others.filter((node) => keepingUp.has(node)),
  ];
  for (const leaver of inTurn) {
    const next = members.filter((node) => node !== leaver);
    // A copy that is good is let go only when there are enough good ones without it.
    const needed = keepingUp.has(leaver) ? Math.min(wanted.length, next.length) : majorityOf(next.length);
    if (countOf(next, self, keepingUp) >= needed) return change(next, `remove ${leaver}`);
  }
  if (others.length > 0) return wait(`too few replicas keep up to remove ${inTurn.join(' or ')}`);
  const to = wanted.find((node) => members.includes(node) && keepingUp.has(node));
  return to === undefined ? wait('nobody keeps up who could lead instead') : { kind: 'hand-over', to };
}

function change(members: string[], why: string): Step {
  return { kind: 'change', members, why };
}

function countOf(members: readonly string[], self: string, keepingUp: ReadonlySet<string>): number {
  return members.filter((node) => node === self || keepingUp.has(node)).length;
}
