/** Ports: what the job asks of nodes, and what it tells of itself. A simulation gives it others. */
import type {
  ExchangeAnswer,
  ExchangeHeader,
  RoundReport,
  ScrubHeader,
  VerifiedHeader,
} from '@driftless/contracts';

/** Each rejects with what the node said, or that it said nothing; and with the reason of `signal`. */
export interface Nodes {
  /**
   * Compares the node's replica with that of another one; in mode `heal` it repairs itself. `traceparent`:
   * where rounds are traced.
   */
  exchange(
    node: string,
    shard: number,
    header: ExchangeHeader,
    signal: AbortSignal,
    traceparent?: string,
  ): Promise<ExchangeAnswer>;
  /** The node takes a copy of a peer's file in place of its own; resolves when it has begun. */
  restore(node: string, shard: number, signal: AbortSignal): Promise<void>;
  /** The node looks at its rows. What it finds wrong takes it out of service, and out of leadership. */
  scrub(node: string, shard: number, header: ScrubHeader, signal: AbortSignal): Promise<void>;
  /** Tells a leader what every member was proven equal at. */
  verified(node: string, shard: number, header: VerifiedHeader, signal: AbortSignal): Promise<void>;
}

export interface HealerInstruments {
  roundEnded(report: RoundReport): void;
  /** A replica that was known to be drifted was proven equal. */
  healed(seconds: number): void;
}
