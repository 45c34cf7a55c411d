/** All instruments of the process. Labels are shards, nodes and closed lists: their number is bounded. */
import { type RoundReport, rungs } from '@driftless/contracts';
import { DURATION_SECONDS_BUCKETS, type InstrumentSpec, type Telemetry } from '@driftless/runtime';
import type { Attributes } from '@opentelemetry/api';
import type { Healer } from './healer.ts';
import type { HealerInstruments } from './ports.ts';

/** Healing may have to wait for a node to come back, or for a copy of a file. */
const healBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800];

export function createInstruments(telemetry: Telemetry): HealerInstruments {
  const rounds = telemetry.counter('anti_entropy_rounds_total', {
    description: 'Rounds by outcome: equal, different, not-comparable; and by what they were for',
    unit: 'rounds',
    labels: ['outcome', 'cause'],
  });
  const duration = telemetry.histogram('anti_entropy_round_duration_seconds', {
    description: 'Time that a round of a shard took',
    unit: 'seconds',
    labels: ['outcome'],
    buckets: [...DURATION_SECONDS_BUCKETS, 60, 120, 300],
  });
  const pairs = telemetry.counter('anti_entropy_pairs_total', {
    description: 'Comparisons of two replicas by outcome',
    unit: 'comparisons',
    labels: ['outcome'],
  });
  const counted = (what: string, unit: string, description: string) =>
    telemetry.counter(`anti_entropy_${what}_total`, { description, unit });
  const counts = {
    found: counted('keys_found', 'keys', 'Keys that differed'),
    compared: counted('keys_compared', 'rows', 'Rows that were compared one by one'),
    healed: counted('keys_healed', 'rows', 'Rows that were repaired'),
    leaves: counted('leaves_rebuilt', 'leaves', 'Leaves of trees that were rebuilt from rows'),
    bytesReceived: counted('received_bytes', 'bytes', 'Bytes that replicas sent each other for rounds'),
    bytesShipped: counted('shipped_bytes', 'bytes', 'Bytes of values that were fetched for repairs'),
  };
  const heal = telemetry.histogram('anti_entropy_drift_to_proven_seconds', {
    description: 'From the first word of a replica that it is drifted until it was proven equal',
    unit: 'seconds',
    buckets: healBuckets,
  });
  return {
    roundEnded({ outcome, cause, dryRun, tookMs, pairs: reports }: RoundReport) {
      rounds.add(1, { outcome, cause: dryRun ? 'dry-run' : cause });
      duration.at(outcome).record(tookMs / 1000);
      for (const report of reports) {
        pairs.add(1, { outcome: report.outcome });
        for (const [name, counter] of Object.entries(counts)) {
          counter.add(report.counts[name as keyof typeof counts]);
        }
      }
    },
    healed: (seconds) => heal.at().record(seconds),
  };
}

/** Gauges of what is known; `healer` gives undefined until the cluster is known. */
export function observeHealer(telemetry: Telemetry, healer: () => Healer | undefined): void {
  const gauge = (
    name: string,
    spec: InstrumentSpec,
    values: (healer: Healer) => [number, Attributes?][],
  ): void =>
    telemetry.gauge(name, spec, (observe) => {
      const known = healer();
      if (known) for (const [value, attributes] of values(known)) observe(value, attributes);
    });
  gauge(
    'anti_entropy_pair_proven_seq',
    {
      description: 'Seq at which two replicas were last proven equal',
      unit: 'operations',
      labels: ['shard', 'a', 'b'],
    },
    ofPairs(({ position }) => position.seq),
  );
  gauge(
    'anti_entropy_pair_proven_time_seconds',
    {
      description: 'When two replicas were last proven equal, in seconds since the epoch',
      unit: 'seconds',
      labels: ['shard', 'a', 'b'],
    },
    ofPairs(({ at }) => at / 1000),
  );
  gauge(
    'anti_entropy_shards_due',
    { description: 'Shards whose time for a round has come', unit: 'shards' },
    (known) => [[known.shards.filter(({ due }) => due.at <= known.now).length]],
  );
  gauge(
    'anti_entropy_rung',
    {
      description: 'Rung of the ladder that a replica stands on: 0 key, 1 bucket, 2 snapshot, 3 operator',
      unit: 'rung',
      labels: ['shard', 'node'],
    },
    ofReplicas(({ rounds }, shard, node) => rungs.indexOf(rounds.ladders.rungOf(shard, node))),
  );
  gauge(
    'anti_entropy_stopped_rows',
    {
      description: 'Rows that were healed too often lately and are left to a person',
      unit: 'rows',
      labels: ['shard', 'node'],
    },
    ofReplicas(({ rounds }, shard, node) => rounds.ladders.stoppedRows(shard, node)),
  );
}

type Pair = Healer['rounds']['proofs']['pairs'][number];

function ofPairs(value: (pair: Pair) => number): (healer: Healer) => [number, Attributes][] {
  return ({ rounds }) =>
    rounds.proofs.pairs.map((pair) => {
      const [a, b] = pair.nodes;
      return [value(pair), { shard: String(pair.shard), a, b }];
    });
}

/** Of the replicas that are heard of. */
function ofReplicas(
  value: (healer: Healer, shard: number, node: string) => number,
): (healer: Healer) => [number, Attributes][] {
  return (healer) =>
    healer.shards.flatMap(({ shard, standings }) =>
      [...standings.keys()].map((node): [number, Attributes] => [
        value(healer, shard, node),
        { shard: String(shard), node },
      ]),
    );
}
