/** Drift: found when, healed when, by what; and whether replicas are still being proven equal. */
import {
  type BoardSpec,
  maxBy,
  orZero,
  picked,
  pickedShard,
  quantile,
  quantiles,
  rate,
  sumBy,
} from '../spec.ts';

/** The same names are counted by nodes, by shard, and by the process that schedules rounds. */
const atNodes = 'job="store-node", instance=~"$instance", shard=~"$shard"';

const seqOf = (what: string): string => maxBy('instance, shard', `replica_${what}_seq{${pickedShard}}`);

const provenAt = 'replica:proven_timestamp_seconds:max{instance=~"$instance", shard=~"$shard"}';

export const antiEntropy: BoardSpec = {
  name: 'anti-entropy',
  title: 'Anti-entropy',
  says: 'Drift is found by the event that meets it or by an audit, healed key by key, and proven to be gone.',
  rows: {
    Drift: [
      {
        title: 'Drifted replicas',
        says: '1 while a replica is not proven equal after a failed check. It serves no reads meanwhile.',
        unit: 'none',
        thresholds: [0.5, 1],
        as: 'states',
        of: { '{{instance}} shard {{shard}}': `replica_drifted{${pickedShard}}` },
        alerts: ['ReplicaDrifted', 'DriftNotHealed'],
      },
      {
        title: 'Buckets that are suspect',
        says: 'Of 4096 in each replica. 0 when all is well.',
        unit: 'none',
        thresholds: [1, 100],
        of: { '{{instance}} shard {{shard}}': `replica_suspect_buckets{${pickedShard}}` },
        alerts: ['ReplicaDrifted', 'CorruptRows'],
      },
      {
        title: 'Time to detect, by what found it',
        says: 'From drift until it was found: by the next event, by a read, by the audit.',
        unit: 's',
        thresholds: [60, 3600],
        of: quantiles('drift_time_to_detect_seconds', pickedShard, [0.5, 0.95], 'by'),
        alerts: ['ReplicaDrifted'],
      },
      {
        title: 'Time to heal',
        says: 'From found drift until equal again: by the replica itself, and until a round has proven it.',
        unit: 's',
        thresholds: [10, 300],
        of: {
          ...quantiles('drift_time_to_heal_seconds', pickedShard, [0.5, 0.95]),
          'p95 to the proof': quantile(0.95, 'anti_entropy_drift_to_proven_seconds', ''),
        },
        alerts: ['DriftNotHealed'],
        traces: 'anti-entropy',
      },
      {
        title: 'Checks that failed, rows that rotted',
        says: 'A second: digest checks that failed, and rows that were read with other bytes than written.',
        unit: 'ops',
        thresholds: [0.001, 0.1],
        of: {
          'checks {{instance}} shard {{shard}}': orZero(
            rate(`replication_drift_events_total{${pickedShard}}`),
          ),
          'rows {{instance}} shard {{shard}}': orZero(rate(`store_corrupt_reads_total{${pickedShard}}`)),
        },
        alerts: ['CorruptRows', 'ApplyErrorsHigh'],
      },
      {
        title: 'Drift made on purpose',
        says: 'By kind. Only where a test or a lab is allowed to.',
        unit: 'ops',
        thresholds: 'any is right',
        of: { '{{instance}} shard {{shard}} {{kind}}': orZero(rate(`injected_drift_total{${pickedShard}}`)) },
      },
    ],
    Proof: [
      {
        title: 'Since each replica was proven equal',
        says: 'To any other one. Rounds come every minute by default.',
        unit: 's',
        thresholds: [300, 900],
        of: {
          '{{instance}} shard {{shard}}': `time() - ${provenAt}`,
        },
        alerts: ['AntiEntropyStale'],
      },
      {
        title: 'Operations since the last proof',
        says: 'Position of the replica minus the one at which it found itself equal to another.',
        unit: 'none',
        thresholds: 'any is right',
        of: {
          '{{instance}} shard {{shard}}': ['applied', 'proven'].map(seqOf).join(' - '),
        },
        alerts: ['AntiEntropyStale'],
      },
      {
        title: 'Rounds by outcome and cause',
        says: 'A second. Equal is what should be; not comparable is no proof.',
        unit: 'ops',
        thresholds: 'any is right',
        of: { '{{outcome}}, {{cause}}': sumBy('outcome, cause', rate('anti_entropy_rounds_total')) },
        alerts: ['AntiEntropyStale'],
        traces: 'anti-entropy',
      },
      {
        title: 'Duration of rounds and exchanges',
        says: 'A round compares all members of a shard; an exchange is one pair.',
        unit: 's',
        thresholds: [30, 120],
        of: {
          'round p95': quantile(0.95, 'anti_entropy_round_duration_seconds', ''),
          'exchange p95 {{outcome}}': quantile(
            0.95,
            'anti_entropy_exchange_duration_seconds',
            `${atNodes}`,
            'outcome',
          ),
        },
        traces: 'anti-entropy',
      },
      {
        title: 'Shards that wait for a round',
        says: 'Whose time has come. Many for long: rounds are too slow or nobody does them.',
        unit: 'none',
        thresholds: [4, 16],
        of: { '{{instance}}': 'anti_entropy_shards_due' },
        alerts: ['AntiEntropyStale'],
      },
      {
        title: 'Audit of all rows',
        says: 'How far each replica is in its round over its own rows, 0 to 100%.',
        unit: 'percentunit',
        thresholds: 'any is right',
        of: { '{{instance}} shard {{shard}}': `replica_scrub_round_ratio{${pickedShard}}` },
        alerts: ['CorruptRows'],
      },
    ],
    Healing: [
      {
        title: 'Rows compared, different, healed',
        says: 'Rows a second at the replicas that compared themselves.',
        unit: 'ops',
        thresholds: 'any is right',
        of: {
          compared: `sum(${rate(`anti_entropy_keys_compared_total{${atNodes}}`)})`,
          different: `sum(${rate(`anti_entropy_keys_different_total{${atNodes}}`)})`,
          healed: `sum(${rate(`anti_entropy_keys_healed_total{${atNodes}}`)})`,
          shipped: orZero(`sum(${rate(`anti_entropy_keys_shipped_total{${atNodes}}`)})`),
        },
        alerts: ['DeadLetters'],
      },
      {
        title: 'What it costs',
        says: 'Bytes a second that peers sent for exchanges, and values among them.',
        unit: 'Bps',
        thresholds: 'any is right',
        of: {
          'all bytes': `sum(${rate(`anti_entropy_received_bytes_total{${atNodes}}`)})`,
          values: `sum(${rate(`anti_entropy_shipped_value_bytes_total{${atNodes}}`)})`,
        },
      },
      {
        title: 'Rung of the ladder',
        says: '0 keys, 1 buckets, 2 a copy of a peer, 3 a person.',
        unit: 'none',
        thresholds: [1, 3],
        as: 'states',
        of: { '{{node}} shard {{shard}}': 'max by (node, shard) (anti_entropy_rung{shard=~"$shard"})' },
        alerts: ['AntiEntropyNeedsPerson'],
      },
      {
        title: 'Rows left to a person, items in quarantine, copies taken',
        says: 'Rows healed too often; rows and events set aside; replicas replaced by a copy within an hour.',
        unit: 'none',
        thresholds: [1, 100],
        of: {
          'stopped {{node}} shard {{shard}}':
            'max by (node, shard) (anti_entropy_stopped_rows{shard=~"$shard"})',
          'quarantine {{instance}} shard {{shard}}': sumBy(
            'instance, shard',
            `replica_quarantined_items{${pickedShard}}`,
          ),
          'copies {{instance}}': orZero(
            sumBy('instance', `increase(replica_snapshots_installed_total{${picked}}[1h])`),
          ),
        },
        alerts: ['AntiEntropyNeedsPerson', 'DeadLetters'],
      },
    ],
  },
};
