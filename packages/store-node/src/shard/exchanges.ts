/**
 * Exchanges of a replica with its peers, one at a time: whoever schedules them (anti-entropy) says with
 * whom. What came of one is kept: which peers it was proven equal to, and how often which key was healed.
 *
 * One case no comparison of rows can settle. A leader with a damaged row may have stamped events with a
 * root that nobody else comes to. Its followers have drifted then, and when it has stepped aside, nobody is
 * fit to lead. A replica is acquitted of its drift when nobody leads, each of its rows has its digest and
 * its leaf, and it was proven equal, where it stands, to enough others to be a majority with them. Then it
 * may lead, and stamps the root that they have. Nothing is changed by that: a sound replica that agrees
 * with the stamp would be fit, and lead.
 */
import { exchange, HealLedger } from '@driftless/anti-entropy';
import {
  comparePositions,
  DriftlessError,
  type ExchangeAnswer,
  type ExchangeHeader,
  formatPosition,
  isZeroDigest,
  majorityOf,
} from '@driftless/contracts';
import type { TraceFields } from '@driftless/runtime';
import { ExchangeTrace } from './exchange-trace.ts';
import { LocalReplica } from './our-replica.ts';
import { RemoteReplica } from './peer-replica.ts';
import type { ShardReplica } from './replica.ts';
import { checkPosition } from './self-check.ts';

export class Exchanges {
  readonly #replica: ShardReplica;
  readonly #ledger = new HealLedger();
  #running = false;

  constructor(replica: ShardReplica) {
    this.#replica = replica;
  }

  /**
   * Throws `overloaded`, `replica-unavailable`, `is-leader` or `bad-request`. `traceparent`: of whoever asks.
   */
  async run(header: ExchangeHeader, traceparent?: unknown): Promise<ExchangeAnswer> {
    if (this.#running) throw new DriftlessError('overloaded', 'An exchange of this replica is under way.');
    this.#running = true;
    const { traces, shard } = this.#replica.context;
    const trace = ExchangeTrace.begin(traces, traceparent, header, shard);
    try {
      return await this.#run(header, trace);
    } catch (error) {
      trace?.failed(error);
      throw error;
    } finally {
      this.#running = false;
    }
  }

  async #run(header: ExchangeHeader, trace: ExchangeTrace | undefined): Promise<ExchangeAnswer> {
    const { context, scrub } = this.#replica;
    const { with: peer, mode } = header;
    const { node, shard, clock, instruments, soundness } = context;
    if (peer === node) throw new DriftlessError('bad-request', 'A replica is compared with another one.');
    this.#requireWhole();
    if (mode === 'heal') this.#requireMendable();
    const startedAt = clock.monotonic();
    checkPosition(context);
    // What is suspect must have a name: nobody compares everything.
    if (soundness.isEverythingSuspect) await scrub.run();
    const ours = new LocalReplica(context, {
      peer,
      ledger: this.#ledger,
      requireMendable: () => this.#requireMendable(),
      trace,
    });
    const buckets = [...new Set([...header.buckets, ...soundness.suspects])];
    const exchanged = await exchange({
      ours,
      peer: new RemoteReplica(context.peers, peer, shard),
      options: { ...header, buckets },
    });
    const tookMs = Math.round(clock.monotonic() - startedAt);
    const answer: ExchangeAnswer = { node, with: peer, shard, ...exchanged, tookMs };
    instruments.antiEntropy.exchanged(answer, mode);
    this.#tell(answer, trace?.ended(answer));
    await this.#considerAcquittal();
    return answer;
  }

  #tell(answer: ExchangeAnswer, fields: TraceFields | undefined): void {
    const { logger, shard, proven, clock } = this.#replica.context;
    const { with: peer, outcome, reason, position, counts, tookMs } = answer;
    if (outcome === 'equal' && position) proven.set(peer, { with: peer, position, at: clock.wall() });
    const quiet = outcome === 'equal' && counts.healed + counts.leaves === 0;
    const news = { shard, peer, outcome, reason, position, healed: counts.healed, tookMs, ...fields };
    logger[quiet ? 'debug' : 'info'](news, 'compared with a peer');
  }

  async #considerAcquittal(): Promise<void> {
    const { scrub, context } = this.#replica;
    const { applied } = context.state;
    if (!this.#mayBeAcquitted()) return;
    const { sound } = await scrub.run();
    const isThere = comparePositions(context.state.applied, applied) === 0;
    if (!sound || !isThere || !this.#mayBeAcquitted()) return;
    context.soundness.acquit();
    context.logger.warn(
      { shard: context.shard, position: formatPosition(applied) },
      'the root of the last event is one that no replica has; this one may lead',
    );
  }

  #mayBeAcquitted(): boolean {
    const { state, members, proven, lag, clock, soundness } = this.#replica.context;
    if (isZeroDigest(state.drift) || state.suspect || this.#replica.leader) return false;
    if (soundness.isAcquitted(state)) return false;
    // A leader would tell where its log ends.
    if (lag.lag(state.applied.seq, clock.monotonic()) !== undefined) return false;
    const equal = members.filter((member) => {
      const position = proven.get(member)?.position;
      return position !== undefined && comparePositions(position, state.applied) === 0;
    });
    return equal.length + 1 >= majorityOf(members.length);
  }

  #requireWhole(): void {
    const { halted, restoring, isBlank, shard } = this.#replica.context;
    if (halted === undefined && !restoring && !isBlank) return;
    throw new DriftlessError('replica-unavailable', `This replica of shard ${shard} can't be compared now.`);
  }

  #requireMendable(): void {
    this.#requireWhole();
    if (this.#replica.isFollowing) return;
    throw new DriftlessError('is-leader', `This node leads shard ${this.#replica.shard}, or is about to.`, {
      hint: 'A leader that finds itself damaged hands over; then it is healed.',
    });
  }
}
