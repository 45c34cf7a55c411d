/**
 * Who leads a shard (SPEC.md, E1–E9). The lease only picks a candidate; safety is the fence: before it
 * serves, a candidate applies the stream to its end, publishes what its own log has past it, and appends an
 * `epoch-started` record that the stream takes only right behind the end it saw. If that fails it catches up
 * and tries again. Time is `now`, a monotonic clock of this machine in milliseconds; nobody's wall clock
 * counts.
 *
 *     following ──claim──▶ claiming ──won──▶ campaigning ──epoch appended──▶ leading ──resign──▶ resigning
 *         ▲                   │ lost              │ lease lost, unfit           │ deposed          │ released
 *         └───────────────────┴───────────────────┴─────────────────────────────┴──────────────────┘
 */
import type { Lease } from '@driftless/contracts';
import type {
  ElectionConfig,
  ElectionEvent,
  ElectionState,
  ElectionStep,
  SeenLease,
} from './election-types.ts';

export type * from './election-types.ts';

export const electionStart: ElectionState = { role: 'following', seen: null };

/** Ours, and no one else can have taken it yet: only then may a write be acked. */
export function leaseIsLive(state: ElectionState, now: number, config: ElectionConfig): boolean {
  if (!('held' in state)) return false;
  return now - state.held.renewedAt < config.leaseTtlMs - config.leaseMarginMs;
}

type EventOf<Type extends ElectionEvent['type']> = Extract<ElectionEvent, { type: Type }>;
type StateOf<Role extends ElectionState['role']> = Extract<ElectionState, { role: Role }>;
type Table = {
  [Role in ElectionState['role']]: {
    [Type in ElectionEvent['type']]: (
      state: StateOf<Role>,
      event: EventOf<Type>,
      config: ElectionConfig,
    ) => ElectionStep;
  };
};

const stay = (state: ElectionState): ElectionStep => ({ state, effects: [] });

/** Total: each event has its meaning in each role. */
const table: Table = {
  following: {
    tick: considerClaim,
    'lease-seen': noteLease,
    'link-restored': ({ seen }, event) =>
      stay({ role: 'following', seen: seen && { ...seen, since: event.now } }),
    'claim-won': stay,
    'claim-lost': stay,
    renewed: stay,
    'renewal-refused': (state, event) => stay({ ...state, seen: seenNow(state.seen, event) }),
    'lease-unknown': stay,
    'stream-end': stay,
    'caught-up': stay,
    'epoch-appended': stay,
    'fence-failed': stay,
    deposed: stay,
    resign: stay,
    drained: stay,
  },
  claiming: {
    tick: (state, event, config) =>
      event.now - state.sentAt < config.leaseTtlMs ? stay(state) : standBack(state, event, config),
    'lease-seen': (state, event) => stay({ ...state, seen: seenNow(state.seen, event) }),
    'link-restored': stay,
    'claim-won': (state, event) => ({
      state: {
        role: 'campaigning',
        seen: state.seen,
        held: { revision: event.revision, renewedAt: state.sentAt, renewing: null },
        phase: { name: 'probing' },
      },
      effects: [{ type: 'find-stream-end' }],
    }),
    'claim-lost': (state, event, config) => pause(state, event, config, 'The claim was refused.'),
    renewed: stay,
    'renewal-refused': stay,
    'lease-unknown': standBack,
    'stream-end': stay,
    'caught-up': stay,
    'epoch-appended': stay,
    'fence-failed': stay,
    deposed: stay,
    resign: (state) => follow(state, 'Asked to resign.'),
    drained: stay,
  },
  campaigning: {
    tick: (state, event, config) => {
      if (!event.fit) return release(state, 0, null, config, 'The replica is not fit to lead.');
      if (event.now - state.held.renewedAt >= config.leaseTtlMs) return follow(state, 'The lease ran out.');
      return renewWhenDue(state, event.now, config, 0);
    },
    'lease-seen': watchHeld,
    'link-restored': stay,
    'claim-won': stay,
    'claim-lost': stay,
    renewed: extend,
    'renewal-refused': recheckHeld,
    'lease-unknown': (state) => stay({ ...state, held: { ...state.held, renewing: null } }),
    'stream-end': catchUp,
    'caught-up': appendEpoch,
    'epoch-appended': startLeading,
    'fence-failed': (state) => ({
      state: { ...state, phase: { name: 'probing' } },
      effects: [{ type: 'find-stream-end' }],
    }),
    deposed: (state) => follow(state, 'Another node began an epoch.'),
    resign: (state, event, config) => release(state, 0, event.next, config, 'Asked to resign.'),
    drained: stay,
  },
  leading: {
    tick: (state, event, config) =>
      event.fit
        ? renewWhenDue(state, event.now, config, state.epoch)
        : startResigning(state, event.now, null, config),
    'lease-seen': watchHeld,
    'link-restored': stay,
    'claim-won': stay,
    'claim-lost': stay,
    renewed: extend,
    'renewal-refused': recheckHeld,
    'lease-unknown': (state) => stay({ ...state, held: { ...state.held, renewing: null } }),
    'stream-end': stay,
    'caught-up': stay,
    'epoch-appended': stay,
    'fence-failed': stay,
    deposed: (state) => follow(state, 'Another node began an epoch.'),
    resign: (state, event, config) => startResigning(state, event.now, event.next, config),
    drained: stay,
  },
  resigning: {
    tick: (state, event, config) => {
      if (event.now < state.deadline) return renewWhenDue(state, event.now, config, state.epoch);
      if (event.fit) return stayLeader(state);
      return release(state, state.epoch, state.next, config, 'Resigned with operations not yet confirmed.');
    },
    'lease-seen': watchHeld,
    'link-restored': stay,
    'claim-won': stay,
    'claim-lost': stay,
    renewed: extend,
    'renewal-refused': recheckHeld,
    'lease-unknown': (state) => stay({ ...state, held: { ...state.held, renewing: null } }),
    'stream-end': stay,
    'caught-up': stay,
    'epoch-appended': stay,
    'fence-failed': stay,
    deposed: (state) => follow(state, 'Another node began an epoch.'),
    resign: stay,
    drained: (state, _event, config) => release(state, state.epoch, state.next, config, 'Resigned.'),
  },
};

export function stepElection(
  state: ElectionState,
  event: ElectionEvent,
  config: ElectionConfig,
): ElectionStep {
  const handler = table[state.role][event.type] as (
    state: ElectionState,
    event: ElectionEvent,
    config: ElectionConfig,
  ) => ElectionStep;
  return handler(state, event, config);
}

/**
 * The same revision keeps its time of first sight; that time is what a TTL is measured from. An older one
 * counts too: revisions begin anew when JetStream lost the bucket, and a claim on a stale one fails anyway.
 */
function seenNow(
  seen: SeenLease | null,
  { revision, lease, now }: { revision: number; lease: Lease | null; now: number },
): SeenLease {
  return seen && seen.revision === revision ? seen : { revision, lease, since: now };
}

/** How long after first sight of this lease our rank may claim it, in milliseconds. */
function patience({ lease }: SeenLease, config: ElectionConfig): number {
  const turn = config.rank * config.rankDelayMs;
  if (lease === null) return turn;
  if (lease.holder === config.node) return 0;
  if (lease.holder !== null) return lease.ttlMs + turn;
  return lease.next === null || lease.next === config.node ? turn : lease.ttlMs + turn;
}

/** Who has lost what it had leaves the lead to those who have it, unless nobody comes forward. */
function deference({ lease }: SeenLease, isEmpty: boolean, { leaseTtlMs }: ElectionConfig): number {
  return isEmpty && lease !== null && lease.epoch > 0 ? 2 * leaseTtlMs : 0;
}

function considerClaim(
  state: StateOf<'following'>,
  { now, fit, isEmpty = false }: EventOf<'tick'>,
  config: ElectionConfig,
): ElectionStep {
  const { seen, unanswered, claimAfter = 0 } = state;
  if (!fit || !seen || now < claimAfter) return stay(state);
  if (now - seen.since < patience(seen, config) + deference(seen, isEmpty, config)) return stay(state);
  const lease = leaseOf(config, seen.lease?.epoch ?? 0);
  return {
    state: { role: 'claiming', seen, sentAt: now, ...(unanswered !== undefined && { unanswered }) },
    effects: [{ type: 'claim', revision: seen.revision, lease }],
  };
}

/** Without a quorum JetStream refuses every claim: asking at each tick would only keep it busy. */
function pause(
  state: StateOf<'claiming'>,
  { now }: { now: number },
  { retryDelayMs }: ElectionConfig,
  reason: string,
): ElectionStep {
  const { effects } = follow(state, reason);
  return { state: { role: 'following', seen: state.seen, claimAfter: now + retryDelayMs }, effects };
}

/**
 * The claim may have come through although its answer did not. Who claims again and again so, on the lease
 * that it does not know to be its own, keeps it from everybody, and never leads: so it leaves the others time
 * to see that lease lapse, and to take it.
 */
function standBack(
  state: StateOf<'claiming'>,
  { now }: { now: number },
  { leaseTtlMs }: ElectionConfig,
): ElectionStep {
  const { effects } = follow(state, 'The claim got no answer.');
  const unanswered = (state.unanswered ?? 0) + 1;
  return {
    state: { role: 'following', seen: state.seen, claimAfter: now + 2 * leaseTtlMs, unanswered },
    effects,
  };
}

/** Should it turn out to be ours, then one answer was lost, or late because JetStream was away: go on. */
function noteLease(
  state: StateOf<'following'>,
  event: EventOf<'lease-seen'>,
  config: ElectionConfig,
): ElectionStep {
  const seen = seenNow(state.seen, event);
  const { unanswered } = state;
  if (unanswered === 1 && isOurs(event.lease, config)) return stay({ role: 'following', seen, unanswered });
  return stay({ ...state, seen });
}

/**
 * The stream has not confirmed in time what was committed. To let go now would make orphans of it; and while
 * JetStream is away nobody else could lead.
 */
function stayLeader({ seen, held, epoch }: StateOf<'resigning'>): ElectionStep {
  return { state: { role: 'leading', seen, held, epoch }, effects: [{ type: 'stay' }] };
}

function leaseOf(config: ElectionConfig, epoch: number): Lease {
  const { node, incarnation, leaseTtlMs } = config;
  return { holder: node, incarnation, epoch, ttlMs: leaseTtlMs, next: null };
}

type Holding = StateOf<'campaigning'> | StateOf<'leading'> | StateOf<'resigning'>;

function renewWhenDue(state: Holding, now: number, config: ElectionConfig, epoch: number): ElectionStep {
  const { held } = state;
  const waiting = held.renewing !== null && now - held.renewing < config.leaseTtlMs;
  if (waiting || now - (held.renewing ?? held.renewedAt) < config.leaseRenewMs) return stay(state);
  const lease = leaseOf(config, Math.max(epoch, state.seen.lease?.epoch ?? 0));
  return {
    state: { ...state, held: { ...held, renewing: now } },
    effects: [{ type: 'renew', revision: held.revision, lease }],
  };
}

/** A renewal counts from before it was sent. */
function extend(state: Holding, event: EventOf<'renewed'>): ElectionStep {
  const { renewing, renewedAt } = state.held;
  return stay({
    ...state,
    held: { revision: event.revision, renewedAt: renewing ?? renewedAt, renewing: null },
  });
}

function isOurs(lease: Lease | null, config: ElectionConfig): boolean {
  return lease !== null && lease.holder === config.node && lease.incarnation === config.incarnation;
}

function watchHeld(state: Holding, event: EventOf<'lease-seen'>, config: ElectionConfig): ElectionStep {
  const seen = seenNow(state.seen, event);
  if (event.revision <= state.held.revision || isOurs(event.lease, config)) return stay({ ...state, seen });
  return follow({ ...state, seen }, 'Another node took the lease.');
}

/** Refused because an earlier renewal of ours, whose answer was lost, did happen? Then go on from there. */
function recheckHeld(
  state: Holding,
  event: EventOf<'renewal-refused'>,
  config: ElectionConfig,
): ElectionStep {
  const seen = seenNow(state.seen, event);
  if (!isOurs(event.lease, config)) return follow({ ...state, seen }, 'Another node took the lease.');
  const held = { ...state.held, revision: event.revision, renewing: null };
  return stay({ ...state, seen, held });
}

/**
 * Answers count in the phase that asked: one from a campaign that was given up must not move the next one.
 */
function catchUp(state: StateOf<'campaigning'>, { streamSeq }: EventOf<'stream-end'>): ElectionStep {
  if (state.phase.name !== 'probing') return stay(state);
  return {
    state: { ...state, phase: { name: 'catching-up', streamSeq } },
    effects: [{ type: 'catch-up', streamSeq }],
  };
}

function startLeading(state: StateOf<'campaigning'>, { epoch }: EventOf<'epoch-appended'>): ElectionStep {
  const { phase, seen, held } = state;
  if (phase.name !== 'appending' || phase.epoch !== epoch) return stay(state);
  return { state: { role: 'leading', seen, held, epoch }, effects: [{ type: 'lead', epoch }] };
}

function appendEpoch(state: StateOf<'campaigning'>, event: EventOf<'caught-up'>): ElectionStep {
  const { phase } = state;
  if (phase.name !== 'catching-up' || event.streamSeq < phase.streamSeq) return stay(state);
  const epoch = Math.max(event.epoch, state.seen.lease?.epoch ?? 0) + 1;
  return {
    state: { ...state, phase: { name: 'appending', epoch } },
    effects: [{ type: 'append-epoch', epoch, expectedStreamSeq: event.streamSeq }],
  };
}

function startResigning(
  state: StateOf<'leading'>,
  now: number,
  next: string | null,
  config: ElectionConfig,
): ElectionStep {
  const { seen, held, epoch } = state;
  return {
    state: { role: 'resigning', seen, held, epoch, next, deadline: now + config.resignTimeoutMs },
    effects: [{ type: 'drain' }],
  };
}

function release(
  state: Holding,
  epoch: number,
  next: string | null,
  config: ElectionConfig,
  reason: string,
): ElectionStep {
  const known = Math.max(epoch, state.seen.lease?.epoch ?? 0);
  const lease: Lease = { ...leaseOf(config, known), holder: null, next };
  const { effects, state: following } = follow(state, reason);
  return {
    state: following,
    effects: [{ type: 'release', revision: state.held.revision, lease }, ...effects],
  };
}

function follow(state: Exclude<ElectionState, { role: 'following' }>, reason: string): ElectionStep {
  return { state: { role: 'following', seen: state.seen }, effects: [{ type: 'follow', reason }] };
}
