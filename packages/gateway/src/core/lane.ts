/**
 * A lane gathers the operations of many clients into few requests to one node.
 *
 *     offered ──▶ waiting ──(turn ends, target known, a request may start)──▶ under way ──▶ answered
 *                    ▲                                                          │
 *                    └──────────── refused: nothing was done, back-off ◀────────┘
 *
 * When idle, what arrived in one turn of the event loop goes out at its end, so a single client waits for
 * nothing. While `requestsMax` requests are under way the rest waits and leaves together with the next one.
 * Under load a request lingers for those who were just answered (docs/adr/0011).
 *
 * When more come than are served, the queue stands (standing-queue.ts) and takes no more than some. Then a
 * turn of the event loop is long, for there are many to tell so, and an answer is read late in it: with
 * nothing else under way, the node would idle meanwhile. So before anybody is turned away, all that waits
 * leaves in the middle of the turn, as long as fewer than `crowdedRequestsMax` requests are under way.
 *
 * The target is a node, or nobody for a while: then operations wait until their deadline. Operations that the
 * node refused before doing anything go back to the front, and the lane rests for a back-off or until the
 * target is another one. A new target starts with a clean slate: requests that hang at the old one don't hold
 * it up.
 *
 * The machine is pure but for this: it changes its state in place, because it stands on the path of every
 * request. SPEC.md has its invariants.
 */
import { assert } from './assert.ts';
import { type Backoff, backoffMs } from './backoff.ts';
import { StandingQueue } from './standing-queue.ts';

export interface LaneItem {
  /** Operations it counts for; they are never parted by the lane. */
  readonly operations: number;
  /** Bytes it takes in a request, about. */
  readonly bytes: number;
  /** Monotonic times when it was offered first, and when it stops waiting, milliseconds. */
  readonly offeredAt: number;
  readonly deadlineAt: number;
}

export interface LaneLimits {
  /** Requests to one target at a time. */
  requestsMax: number;
  /** The same while the queue stands: a request more leaves before anybody is turned away. */
  crowdedRequestsMax: number;
  /** Operations and bytes of one request. A single larger item goes alone. */
  requestOperationsMax: number;
  requestBytesMax: number;
  /** Operations and bytes that wait. */
  waitingOperationsMax: number;
  waitingBytesMax: number;
  backoff: Backoff;
  /**
   * Under load (the last request held the items of several callers) a request waits this long for more, in
   * milliseconds: fewer and larger requests cost every process less. A single client is never held up.
   */
  lingerMs: number;
  /** Longest time that items should wait while more come than are served; then some are rejected. */
  standingWaitMs: number;
}

/** A last request of this many items says that the lane is under load. */
const loadedItems = 3;
/** A request of this many items waits for no more: what it costs by itself is little for each of them. */
const enoughItems = 64;

/** A node, for a while. The same node in another epoch, or after a time without a target, is another one. */
export interface LaneTarget {
  readonly node: string;
  readonly epoch: number;
}

export interface Lane<Item extends LaneItem> {
  readonly limits: LaneLimits;
  target: LaneTarget | undefined;
  /** In order of arrival; what was refused is at the front. */
  waiting: Item[];
  waitingOperations: number;
  waitingBytes: number;
  /** Requests under way to the present target. */
  underWay: number;
  /** Refusals in a row. */
  refusals: number;
  /** Nothing leaves before this time; 0 when not resting. */
  restingUntil: number;
  /** The end of this turn is awaited. */
  turnAwaited: boolean;
  /** Items in the last request. */
  lastItems: number;
  /** A request of so many items waits for no more: all callers there are have come. */
  enough: number;
  readonly standing: StandingQueue;
}

export type LaneEvent<Item extends LaneItem> =
  | { type: 'offered'; item: Item }
  | { type: 'turn-ended'; now: number }
  | { type: 'routed'; target: LaneTarget | undefined; now: number }
  /** A request has ended, and all of it is settled. `target` is the one of its `send`, the very object. */
  | { type: 'answered'; target: LaneTarget; now: number }
  /** A request has ended; these items were not done and go again. */
  | { type: 'refused'; target: LaneTarget; items: readonly Item[]; random: number; now: number }
  | { type: 'swept'; now: number };

export type LaneEffect<Item extends LaneItem> =
  /** Tell `turn-ended` after so long; 0: at the end of this turn of the event loop. */
  | { type: 'await-turn'; ms: number }
  | { type: 'send'; items: Item[]; target: LaneTarget }
  /** The lane is full, or its queue stands: the item was not taken. */
  | { type: 'reject'; item: Item }
  /** The items' time is over while they waited. */
  | { type: 'expire'; items: Item[] };

export function createLane<Item extends LaneItem>(limits: LaneLimits): Lane<Item> {
  const counts = { waitingOperations: 0, waitingBytes: 0, underWay: 0, refusals: 0, restingUntil: 0 };
  const load = { lastItems: 0, enough: 0, standing: new StandingQueue(limits.standingWaitMs) };
  return { limits, target: undefined, waiting: [], ...counts, turnAwaited: false, ...load };
}

export function stepLane<Item extends LaneItem>(
  lane: Lane<Item>,
  event: LaneEvent<Item>,
): LaneEffect<Item>[] {
  switch (event.type) {
    case 'offered':
      return offered(lane, event.item);
    case 'turn-ended':
      lane.turnAwaited = false;
      return depart(lane, event.now);
    case 'routed':
      if (isSame(lane.target, event.target)) return [];
      lane.target = event.target && { ...event.target };
      lane.underWay = 0;
      lane.refusals = 0;
      lane.restingUntil = 0;
      return depart(lane, event.now);
    case 'answered':
      if (event.target === lane.target) {
        lane.underWay -= 1;
        lane.refusals = 0;
        assert(lane.underWay >= 0, 'a request of a lane ended twice');
        // Who was answered comes again soon.
        lane.enough = Math.min(enoughItems, lane.lastItems + lane.waiting.length);
      }
      return lane.waiting.length > 0 && lingers(lane) ? awaitTurn(lane) : depart(lane, event.now);
    case 'refused':
      return refused(lane, event);
    case 'swept':
      return swept(lane, event.now);
  }
}

function offered<Item extends LaneItem>(lane: Lane<Item>, item: Item): LaneEffect<Item>[] {
  const { waitingOperationsMax, waitingBytesMax } = lane.limits;
  const full =
    lane.waitingOperations + item.operations > waitingOperationsMax ||
    lane.waitingBytes + item.bytes > waitingBytesMax;
  if (full) return [{ type: 'reject', item }];
  const sends: LaneEffect<Item>[] = [];
  if (!lane.standing.admits(lane.waiting.length + 1, item.offeredAt)) {
    if (!mayHurry(lane, item.offeredAt)) return [{ type: 'reject', item }];
    sends.push(sendOne(lane, lane.target as LaneTarget, item.offeredAt));
  }
  lane.waiting.push(item);
  lane.waitingOperations += item.operations;
  lane.waitingBytes += item.bytes;
  if (lane.target === undefined || lane.underWay >= lane.limits.requestsMax) return sends;
  return [...sends, ...awaitTurn(lane)];
}

/** Whether a caller would be turned away now, as `offered` would do it. */
export function turnsAway<Item extends LaneItem>(lane: Lane<Item>, now: number): boolean {
  return isFull(lane) || (!lane.standing.admits(lane.waiting.length + 1, now) && !mayHurry(lane, now));
}

/** Whether somebody may be turned away: more come than are served, or nothing else fits. */
export function isCrowded<Item extends LaneItem>(lane: Lane<Item>): boolean {
  return lane.standing.stands || isFull(lane);
}

function isFull<Item extends LaneItem>({ limits, waitingOperations, waitingBytes }: Lane<Item>): boolean {
  return waitingOperations >= limits.waitingOperationsMax || waitingBytes >= limits.waitingBytesMax;
}

/** Whether what waits in a queue that stands may leave at once, beside what is under way. */
function mayHurry<Item extends LaneItem>(
  { limits, target, waiting, underWay, restingUntil }: Lane<Item>,
  now: number,
): boolean {
  const mayLeave = target !== undefined && now >= restingUntil && underWay < limits.crowdedRequestsMax;
  return mayLeave && waiting.length > 0;
}

function awaitTurn<Item extends LaneItem>(lane: Lane<Item>): LaneEffect<Item>[] {
  const ms = lingers(lane) ? lane.limits.lingerMs : 0;
  // With enough at last, a longer wait ends with this turn.
  const isEnough = ms === 0 && lane.waiting.length === lane.enough;
  if (lane.turnAwaited && !isEnough) return [];
  lane.turnAwaited = true;
  return [{ type: 'await-turn', ms }];
}

/** Under load, until it holds enough. */
function lingers<Item extends LaneItem>({ limits, lastItems, waiting, enough }: Lane<Item>): boolean {
  return limits.lingerMs > 0 && lastItems >= loadedItems && waiting.length < enough;
}

function refused<Item extends LaneItem>(
  lane: Lane<Item>,
  { target, items, random, now }: LaneEvent<Item> & { type: 'refused' },
): LaneEffect<Item>[] {
  // Already admitted once: they don't count against the bound a second time, so nothing admitted is rejected.
  lane.waiting.unshift(...items);
  for (const item of items) {
    lane.waitingOperations += item.operations;
    lane.waitingBytes += item.bytes;
  }
  if (target === lane.target) {
    lane.underWay -= 1;
    lane.refusals += 1;
    lane.restingUntil = now + backoffMs(lane.limits.backoff, lane.refusals, random);
    assert(lane.underWay >= 0, 'a request of a lane ended twice');
  }
  return depart(lane, now);
}

function swept<Item extends LaneItem>(lane: Lane<Item>, now: number): LaneEffect<Item>[] {
  const expired = lane.waiting.filter((item) => item.deadlineAt <= now);
  if (expired.length === 0) return depart(lane, now);
  lane.waiting = lane.waiting.filter((item) => item.deadlineAt > now);
  for (const item of expired) {
    lane.waitingOperations -= item.operations;
    lane.waitingBytes -= item.bytes;
  }
  return [{ type: 'expire', items: expired }, ...depart(lane, now)];
}

/** Sends as many requests as may start now. */
function depart<Item extends LaneItem>(lane: Lane<Item>, now: number): LaneEffect<Item>[] {
  const { target, limits } = lane;
  if (target === undefined || now < lane.restingUntil) return [];
  const sends: LaneEffect<Item>[] = [];
  while (lane.waiting.length > 0 && lane.underWay < limits.requestsMax) {
    sends.push(sendOne(lane, target, now));
  }
  return sends;
}

function sendOne<Item extends LaneItem>(lane: Lane<Item>, target: LaneTarget, now: number): LaneEffect<Item> {
  lane.underWay += 1;
  return { type: 'send', items: takeRequest(lane, now), target };
}

function takeRequest<Item extends LaneItem>(lane: Lane<Item>, now: number): Item[] {
  const { requestOperationsMax, requestBytesMax } = lane.limits;
  let operations = 0;
  let bytes = 0;
  let count = 0;
  for (const item of lane.waiting) {
    const fits =
      operations + item.operations <= requestOperationsMax && bytes + item.bytes <= requestBytesMax;
    if (count > 0 && !fits) break;
    operations += item.operations;
    bytes += item.bytes;
    count += 1;
  }
  lane.waitingOperations -= operations;
  lane.waitingBytes -= bytes;
  lane.lastItems = count;
  lane.standing.left(count, lane.waiting[0]?.offeredAt ?? now, now);
  return lane.waiting.splice(0, count);
}

function isSame(a: LaneTarget | undefined, b: LaneTarget | undefined): boolean {
  return a?.node === b?.node && a?.epoch === b?.epoch;
}
