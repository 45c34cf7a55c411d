/**
 * A rebalance of many nodes in virtual time, by the decisions of the store itself: `nextStep` (the next step
 * of a replica set), `HandBack` (when a leadership goes home), and the two bounds of
 * store-node/src/membership/moves.ts: a node invites to at most `movesMax` of the shards that it leads at one
 * time, and takes at most `movesMax` copies.
 *
 * What is not simulated is given: how long one copy takes when nothing else is copied at either end. Copies
 * that a node takes, or gives, at one time share its speed. Nodes act once in a turn, on what the others told
 * in the turn before. Nobody writes, and nothing fails. How near that comes to whole nodes, where there are
 * few of them, is held by real-nodes.test.ts.
 */
import { HandBack, nextStep, type Step } from '@driftless/store-node/simulation';
import type { Placement } from './shape.ts';

export interface RebalanceLimits {
  /** Length of a turn: nodes tell their state this often, milliseconds. */
  statusEveryMs: number;
  movesMax: number;
  retireAfterMs: number;
  handBackAfterMs: number;
}

export interface RebalanceInput {
  before: Placement;
  after: Placement;
  limits: RebalanceLimits;
  /** Of one copy alone, milliseconds. */
  copyMs: number;
}

export interface Rebalanced {
  /** Until each shard is where it should be, milliseconds. */
  movedMs: number;
  /** Until each is led by the node that should as well, and no copy is kept that nobody counts on. */
  settledMs: number;
  copies: number;
  /** Leaderships that were handed over. */
  handOvers: number;
  /** What copying alone takes at the node that takes or gives the most, milliseconds. */
  busiestMs: number;
}

interface Copy {
  to: string;
  from: string;
  leftMs: number;
  /** Since when it is there. */
  doneAt: number | undefined;
}

interface Shard {
  readonly number: number;
  readonly wanted: readonly string[];
  members: readonly string[];
  leader: string;
  /** Nobody leads before this time. */
  ledFrom: number;
  /** The record of the set is on the disks of a majority from this time on. */
  settledFrom: number;
  invited: string | undefined;
  invitedAt: number;
  /** Of a node that is not of the set yet. */
  copy: Copy | undefined;
}

/** Turns without anything new before time may be skipped: news takes one. */
const quietTurnsMin = 3;
/** More is not a rebalance but a mistake. */
const turnsMax = 1_000_000;

export function rebalance(input: RebalanceInput): Rebalanced {
  return new Rebalance(input).run();
}

class Rebalance {
  readonly #limits: RebalanceLimits;
  readonly #copyMs: number;
  /** Shards that are not as they should be; what is left alone stays as it is. */
  #open: Shard[];
  readonly #nodes: ReadonlySet<string>;
  readonly #handBacks = new Map<string, HandBack>();
  readonly #copies = new Set<Copy>();
  /** When copies that nobody counts on any more are gone. */
  #retiredAt: number[] = [];
  #now = 0;
  #quietTurns = 0;
  #handOvers = 0;
  readonly #taken = new Map<string, number>();
  readonly #given = new Map<string, number>();

  constructor({ before, after, limits, copyMs }: RebalanceInput) {
    this.#limits = limits;
    this.#copyMs = copyMs;
    this.#open = after.map((wanted, number) => {
      const members = before[number] as readonly string[];
      const [leader] = members as [string];
      const at = { ledFrom: 0, settledFrom: 0, invitedAt: 0 };
      return { number, wanted, members, leader, ...at, invited: undefined, copy: undefined };
    });
    this.#nodes = new Set([...before.flat(), ...after.flat()]);
  }

  run(): Rebalanced {
    let movedMs: number | undefined;
    for (let turn = 0; turn < turnsMax; turn += 1) {
      this.#turn();
      if (movedMs === undefined && this.#open.every(isPlaced)) movedMs = this.#now;
      const isSettled = this.#open.length === 0 && this.#retiredAt.length === 0;
      if (movedMs !== undefined && isSettled) return this.#result(movedMs);
      this.#pass();
    }
    throw new Error('The rebalance does not end.');
  }

  #result(movedMs: number): Rebalanced {
    const most = Math.max(0, ...this.#taken.values(), ...this.#given.values());
    const copies = [...this.#taken.values()].reduce((sum, count) => sum + count, 0);
    const busiestMs = most * this.#copyMs;
    return { movedMs, settledMs: this.#now, copies, handOvers: this.#handOvers, busiestMs };
  }

  #turn(): void {
    this.#quietTurns += 1;
    for (const shard of this.#open) if (this.#now >= shard.ledFrom) this.#lead(shard);
    for (const shard of this.#open) this.#take(shard);
    for (const shard of this.#open) if (this.#now >= shard.ledFrom) this.#considerHandBack(shard);
    this.#open = this.#open.filter((shard) => !isPlaced(shard) || !isLedAsWanted(shard));
    this.#retiredAt = this.#retiredAt.filter((at) => at > this.#now);
  }

  #lead(shard: Shard): void {
    const { leader: self, members, wanted } = shard;
    const step = nextStep({
      self,
      members,
      wanted,
      settled: this.#now >= shard.settledFrom,
      keepingUp: this.#keepingUp(shard),
      alive: this.#nodes,
      mayInvite: shard.invited !== undefined || this.#invitations(self) < this.#limits.movesMax,
    });
    const known = shard.invited;
    shard.invited = step.kind === 'invite' ? step.node : undefined;
    if (shard.invited !== known) this.#invite(shard);
    if (step.kind === 'change') this.#change(shard, step);
    if (step.kind === 'hand-over') this.#handOver(shard, step.to);
  }

  #keepingUp({ leader, members, copy }: Shard): Set<string> {
    const well = new Set(members);
    well.delete(leader);
    const toldAt = copy?.doneAt === undefined ? Number.POSITIVE_INFINITY : copy.doneAt + this.#turnMs;
    if (copy && this.#now >= toldAt) well.add(copy.to);
    return well;
  }

  #invitations(node: string): number {
    return this.#open.filter(({ leader, invited }) => leader === node && invited !== undefined).length;
  }

  #invite(shard: Shard): void {
    shard.invitedAt = this.#now;
    this.#quietTurns = 0;
  }

  #change(shard: Shard, { members }: Extract<Step, { kind: 'change' }>): void {
    const gone = members.length < shard.members.length;
    if (shard.copy && members.includes(shard.copy.to)) shard.copy = undefined;
    shard.members = members;
    shard.settledFrom = this.#now + this.#turnMs;
    const at = shard.settledFrom + this.#turnMs + this.#limits.retireAfterMs;
    if (gone) this.#retiredAt.push(at);
    this.#quietTurns = 0;
  }

  /** A turn to let go and to claim, another until the record of the epoch is on a majority's disks. */
  #handOver(shard: Shard, to: string): void {
    shard.leader = to;
    shard.invited = undefined;
    shard.ledFrom = this.#now + this.#turnMs;
    shard.settledFrom = shard.ledFrom + this.#turnMs;
    this.#handOvers += 1;
    this.#quietTurns = 0;
  }

  /** The invited node takes a copy from the leader, when it takes no others. */
  #take(shard: Shard): void {
    const { invited: to, leader: from } = shard;
    if (to === undefined || shard.invitedAt >= this.#now || shard.copy?.to === to) return;
    const taking = [...this.#copies].filter((copy) => copy.to === to).length;
    if (taking >= this.#limits.movesMax) return;
    shard.copy = { to, from, leftMs: this.#copyMs, doneAt: undefined };
    this.#copies.add(shard.copy);
    add(this.#taken, to, 1);
    add(this.#given, from, 1);
    this.#quietTurns = 0;
  }

  #considerHandBack(shard: Shard): void {
    const preferred = shard.wanted.find((node) => shard.members.includes(node));
    if (preferred === undefined || preferred === shard.leader) return;
    // Whoever waits to go home is looked at in each turn.
    this.#quietTurns = 0;
    const handBack = this.#handBacks.get(shard.leader) ?? new HandBack(this.#limits.handBackAfterMs);
    this.#handBacks.set(shard.leader, handBack);
    if (!handBack.isDue(shard.number, true, this.#now)) return;
    this.#handOver(shard, preferred);
    handBack.taken(shard.number);
  }

  get #turnMs(): number {
    return this.#limits.statusEveryMs;
  }

  /** Time goes on: by a turn, or to the turn in which the next copy is there. */
  #pass(): void {
    const paces = new Map([...this.#copies].map((copy) => [copy, this.#paceOf(copy)]));
    const ends = [...paces].map(([{ leftMs }, pace]) => this.#now + leftMs / pace);
    const next = Math.min(...ends, ...this.#retiredAt);
    const skips = this.#quietTurns >= quietTurnsMin && Number.isFinite(next);
    const turns = skips ? Math.max(1, Math.ceil((next - this.#now) / this.#turnMs)) : 1;
    const passed = turns * this.#turnMs;
    this.#now += passed;
    for (const [copy, pace] of paces) {
      copy.leftMs -= passed * pace;
      if (copy.leftMs > 0) continue;
      copy.doneAt = this.#now;
      this.#copies.delete(copy);
      this.#quietTurns = 0;
    }
  }

  /** Its share of what both ends can do. */
  #paceOf({ to, from }: Copy): number {
    const copies = [...this.#copies];
    const taken = copies.filter((copy) => copy.to === to).length;
    const given = copies.filter((copy) => copy.from === from).length;
    return 1 / Math.max(taken, given);
  }
}

function isPlaced({ members, wanted }: Shard): boolean {
  return members.length === wanted.length && wanted.every((node) => members.includes(node));
}

function isLedAsWanted({ leader, wanted }: Shard): boolean {
  return leader === wanted[0];
}

function add(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
