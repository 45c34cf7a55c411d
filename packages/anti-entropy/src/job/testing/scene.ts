/** One shard on three nodes, healers that look after it, and time. */
import type { RoundLease, RoundReport } from '@driftless/contracts';
import { createLogger, HeardNodes, MemoryCells } from '@driftless/runtime';
import { antiEntropyConfigSchema } from '../config.ts';
import { Healer, type HealerConfig } from '../healer.ts';
import { RoundLeases } from '../round-leases.ts';
import { FakeClock } from './fake-clock.ts';
import { MemoryNodes } from './memory-nodes.ts';

const statusEveryMs = 500;

export class Scene {
  readonly clock = new FakeClock();
  readonly cells = new MemoryCells<RoundLease>();
  readonly nodes: MemoryNodes;
  /** By the name of the healer. */
  readonly reports = new Map<string, RoundReport[]>();
  readonly healedSeconds: number[] = [];
  readonly #healers: Healer[] = [];
  #lives = 0;

  constructor(names: readonly string[] = ['node-1', 'node-2', 'node-3']) {
    this.nodes = new MemoryNodes(this.clock, names);
    this.clock.every(statusEveryMs, () => this.tell());
  }

  /** Each node tells its status. */
  tell(): void {
    for (const status of this.nodes.statuses()) for (const healer of this.#healers) healer.hear(status);
  }

  healer(name = 'healer-1', change: Partial<HealerConfig> = {}): Healer {
    const { clock } = this;
    this.#lives += 1;
    const config = { ...antiEntropyConfigSchema.parse({ instance: name }), ...change };
    const logger = createLogger({ process: 'test', instance: name, level: 'silent' });
    const leases = new RoundLeases({
      cells: this.cells.as(name),
      clock,
      logger,
      holder: name,
      incarnation: `${name} life ${this.#lives}`,
      ttlMs: config.roundLeaseTtlMs,
    });
    const reports: RoundReport[] = [];
    this.reports.set(name, reports);
    const instruments = {
      roundEnded: (report: RoundReport) => void reports.push(report),
      healed: (seconds: number) => void this.healedSeconds.push(seconds),
    };
    const heard = new HeardNodes(3_000);
    const ports = { clock, dice: () => 0.5, logger, nodes: this.nodes, leases, instruments, heard };
    const healer = new Healer(config, 1, ports);
    this.#healers.push(healer);
    return healer;
  }

  /** The process is killed: nothing of it goes on, and its lease stays as it is. */
  kill(healer: Healer, name: string): void {
    this.#healers.splice(this.#healers.indexOf(healer), 1);
    this.cells.setReachable(name, false);
    void healer.stop();
  }

  last(name = 'healer-1'): RoundReport | undefined {
    return this.reports.get(name)?.at(-1);
  }

  /** Until a healer has done a further round with this outcome. */
  async round(outcome: RoundReport['outcome'], name = 'healer-1'): Promise<RoundReport> {
    const done = this.reports.get(name)?.length ?? 0;
    const isThere = (): boolean => this.reports.get(name)?.slice(done).at(-1)?.outcome === outcome;
    await this.clock.until(`a round that ends ${outcome}`, isThere);
    return this.last(name) as RoundReport;
  }
}
