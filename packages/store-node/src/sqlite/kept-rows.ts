/** What a replica has set aside instead of losing it: orphans, and rows and events in quarantine. */
import type { Position } from '@driftless/contracts';
import type { Orphan, Quarantined } from '../core/change.ts';
import { type OrphanRow, orphanBytes, orphanOf, type Statements } from './statements.ts';

export class KeptRows {
  readonly #statements: Statements;
  readonly #shard: number;

  constructor(statements: Statements, shard: number) {
    this.#statements = statements;
    this.#shard = shard;
  }

  orphans(): Orphan[] {
    return (this.#statements.orphans.all() as OrphanRow[]).flatMap(orphanOf);
  }

  quarantined(): Quarantined[] {
    return this.#statements.quarantined.all() as Quarantined[];
  }

  /** How many rows it was. */
  settleOrphan({ epoch, seq }: Position, settlement: 'refused' | 'gone'): number {
    const { markOrphan, dropOrphan } = this.#statements;
    return (settlement === 'refused' ? markOrphan : dropOrphan).run(epoch, seq).changes;
  }

  /** In the transaction under way; `now`: wall clock, milliseconds. */
  keepOrphans(orphans: readonly Orphan[], now: number): void {
    for (const orphan of orphans) {
      const { epoch, seq } = orphan.version;
      const kept = orphanBytes(orphan, this.#shard, now);
      this.#statements.putOrphan.run(epoch, seq, kept, orphan.offered ? 1 : 0, now);
    }
  }

  /** The same. */
  quarantine(all: readonly Quarantined[], now: number): void {
    for (const { kind, name, reason, bytes } of all) {
      this.#statements.putQuarantine.run(kind, name, reason, bytes, now);
    }
  }
}
