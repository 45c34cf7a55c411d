/** What the election (election.ts) is told, what it keeps, and what it has done. Pure data. */
import type { Lease } from '@driftless/contracts';

export interface ElectionConfig {
  node: string;
  /** Tells two lives of this node apart. */
  incarnation: string;
  /** 0 for the preferred leader, 1 for the next … */
  rank: number;
  leaseTtlMs: number;
  /** A leader stops acking this long before its lease could be taken. */
  leaseMarginMs: number;
  leaseRenewMs: number;
  /** How much longer each further rank waits before it claims. */
  rankDelayMs: number;
  /** How long a resigning leader may take to empty its outbox. */
  resignTimeoutMs: number;
  /** Pause after a claim that was refused. */
  retryDelayMs: number;
}

/** The lease as last seen, and since when (own monotonic clock); `lease` null: there is none. */
export interface SeenLease {
  revision: number;
  lease: Lease | null;
  since: number;
}

/** A lease of our own. `renewedAt` is the time before the request that won or renewed it was sent. */
export interface Held {
  revision: number;
  renewedAt: number;
  /** When the renewal under way was sent. */
  renewing: number | null;
}

export type CampaignPhase =
  | { name: 'probing' }
  | { name: 'catching-up'; streamSeq: number }
  | { name: 'appending'; epoch: number };

/** `unanswered`: claims in a row that got no answer. */
export type ElectionState =
  | { role: 'following'; seen: SeenLease | null; claimAfter?: number; unanswered?: number }
  | { role: 'claiming'; seen: SeenLease; sentAt: number; unanswered?: number }
  | { role: 'campaigning'; seen: SeenLease; held: Held; phase: CampaignPhase }
  | { role: 'leading'; seen: SeenLease; held: Held; epoch: number }
  | { role: 'resigning'; seen: SeenLease; held: Held; epoch: number; next: string | null; deadline: number };

export type ElectionEvent =
  /**
   * `fit`: the replica may lead (not drifted, halted, restoring or shutting down). `isEmpty`: it has nothing.
   */
  | { type: 'tick'; now: number; fit: boolean; isEmpty?: boolean }
  | { type: 'lease-seen'; now: number; revision: number; lease: Lease | null }
  /** The link to NATS is back: what was seen before it broke says nothing of the time in between. */
  | { type: 'link-restored'; now: number }
  | { type: 'claim-won'; revision: number }
  | { type: 'claim-lost'; now: number }
  | { type: 'renewed'; revision: number }
  /** The renewal was refused; what stands there now. */
  | { type: 'renewal-refused'; now: number; revision: number; lease: Lease | null }
  /** No answer: it may have happened or not. */
  | { type: 'lease-unknown'; now: number }
  | { type: 'stream-end'; streamSeq: number }
  /** The replica has applied the stream up to `streamSeq`, its last record in `epoch`. */
  | { type: 'caught-up'; streamSeq: number; epoch: number }
  | { type: 'epoch-appended'; epoch: number }
  | { type: 'fence-failed' }
  | { type: 'deposed' }
  | { type: 'resign'; now: number; next: string | null }
  /** The outbox of a resigning leader is empty. */
  | { type: 'drained' };

export type ElectionEffect =
  | { type: 'claim'; revision: number; lease: Lease }
  | { type: 'renew'; revision: number; lease: Lease }
  | { type: 'release'; revision: number; lease: Lease }
  | { type: 'find-stream-end' }
  /** Tell `caught-up` when the stream is applied up to here and what was ours past it is published. */
  | { type: 'catch-up'; streamSeq: number }
  | { type: 'append-epoch'; epoch: number; expectedStreamSeq: number }
  | { type: 'lead'; epoch: number }
  /** Take no more writes; tell `drained` when the outbox is empty. */
  | { type: 'drain' }
  /** Take writes again. */
  | { type: 'stay' }
  | { type: 'follow'; reason: string };

export interface ElectionStep {
  state: ElectionState;
  effects: ElectionEffect[];
}
