/**
 * Who compares with whom in a round of a shard, by what nodes told last. One replica is the reference: the
 * leader when it is well, else the well one that is furthest; every other member compares itself with it and
 * repairs itself. That is one comparison less than members, and proves all of them equal, one by one, to the
 * same one. Where nobody is well the furthest is the reference all the same, and repairs itself too: rows are
 * judged by what they are, so that no replica has to be believed.
 */
import { comparePositions, type NodeStatus, type Position, type ReplicaStatus } from '@driftless/contracts';

export interface RoundPlan {
  /** The shard's replica set in force. */
  members: readonly string[];
  /** Whom the others compare with; undefined when nobody can be. */
  reference: string | undefined;
  /** Where that one stood when it was heard of last. */
  referenceAt: Position | undefined;
  /** What it holds is not known to be wrong. */
  referenceIsSound: boolean;
  /** Nodes that compare themselves with the reference, the urgent ones first. */
  others: readonly string[];
  /** Members that can't be compared now, and why. */
  absent: readonly { node: string; reason: string }[];
  /** The node that leads, whether it is well or not. */
  leader: string | undefined;
}

interface Member {
  node: string;
  replica: ReplicaStatus;
}

/** `statuses`: of the nodes that are heard of. */
export function planRound(shard: number, statuses: readonly NodeStatus[]): RoundPlan {
  const replicas = statuses.flatMap(({ node, shards }) =>
    shards.filter((replica) => replica.shard === shard).map((replica): Member => ({ node, replica })),
  );
  const furthestFirst = replicas.toSorted((a, b) => comparePositions(b.replica.applied, a.replica.applied));
  const leader = furthestFirst.find(({ replica }) => replica.role === 'leading');
  const informed = furthestFirst.find(({ replica }) => replica.members.length > 0);
  const members = (leader?.replica.members.length ? leader : informed)?.replica.members ?? [];

  const absent: { node: string; reason: string }[] = [];
  const present: Member[] = [];
  for (const node of members) {
    const found = replicas.find((candidate) => candidate.node === node);
    const reason = found ? whyNotComparable(found.replica) : 'It is not heard of.';
    if (found && reason === undefined) present.push(found);
    else absent.push({ node, reason: reason ?? '' });
  }
  const [reference, ...others] = present.toSorted(byFitness);
  // Drifted ones first: they are out of service for as long.
  const urgentFirst = others.toSorted((a, b) => Number(isSound(a.replica)) - Number(isSound(b.replica)));
  return {
    members,
    reference: reference?.node,
    referenceAt: reference?.replica.applied,
    referenceIsSound: reference !== undefined && isSound(reference.replica),
    others: urgentFirst.map(({ node }) => node),
    absent,
    leader: leader?.node,
  };
}

/** Why a replica can't take part in a comparison now; undefined when it can. */
export function whyNotComparable(replica: ReplicaStatus): string | undefined {
  const { role, health, reason } = replica;
  if (role === 'starting') return 'It is starting.';
  if (role === 'learning') return 'It takes a copy of the shard.';
  if (role === 'halted' || health === 'halted') return reason ?? 'It is halted.';
  if (health === 'restoring') return reason ?? 'It puts back what its orphans changed.';
  if (role === 'leading' && !isSound(replica)) return 'It leads and is not well: it hands over first.';
  return undefined;
}

/** Nothing that it holds is known to be wrong. */
export function isSound({ health, suspectBuckets = 0 }: ReplicaStatus): boolean {
  return health !== 'drifted' && suspectBuckets === 0;
}

/** The one to be compared with comes first; among equals by name, so that rounds are alike. */
function byFitness(a: Member, b: Member): number {
  const rank = ({ replica }: Member): number => {
    if (!isSound(replica)) return 2;
    return replica.role === 'leading' ? 0 : 1;
  };
  const further = comparePositions(b.replica.applied, a.replica.applied);
  return rank(a) - rank(b) || further || (a.node < b.node ? -1 : 1);
}
