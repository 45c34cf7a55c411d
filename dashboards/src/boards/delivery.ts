/** At least once by the stream, exactly once by the log; what was lost, came twice or was set aside. */
import { type BoardSpec, orZero, picked, pickedShard, rate, share, sumBy } from '../spec.ts';

const applied = (results: string) =>
  `replication_applied_operations_total{${pickedShard}, result=~"${results}"}`;

export const delivery: BoardSpec = {
  name: 'delivery',
  title: 'Delivery semantics',
  says: 'JetStream delivers at least once and may lose; the log makes of it exactly once, in order.',
  rows: {
    'Exactly once': [
      {
        title: 'Committed and applied',
        says: 'Operations a second: committed by leaders, and applied by followers for each of the others.',
        unit: 'ops',
        thresholds: 'any is right',
        of: {
          committed: `sum(${rate(`leader_committed_operations_total{${pickedShard}}`)})`,
          'applied by followers': `sum(${rate(applied('applied|drifted'))})`,
        },
      },
      {
        title: 'Applied for each committed',
        says: 'Over five minutes. The number of followers of a shard (2 of 3 replicas), when all keep up.',
        unit: 'none',
        thresholds: 'any is right',
        of: {
          ratio: share(
            `sum(increase(${applied('applied|drifted')}[5m]))`,
            `sum(increase(leader_committed_operations_total{${pickedShard}}[5m]))`,
          ),
        },
        alerts: ['ReplicationStalled'],
      },
      {
        title: 'Positions behind the leader',
        says: 'What is committed and not yet applied, by replica.',
        unit: 'none',
        thresholds: [1000, 20_000],
        of: { '{{instance}} shard {{shard}}': `replication_lag_operations{${pickedShard}}` },
        alerts: ['ReplicationStalled'],
      },
      {
        title: 'Events by result of their check',
        says: 'Operations a second: applied, skipped because they came twice, applied while roots differ.',
        unit: 'ops',
        thresholds: 'any is right',
        of: {
          '{{result}}': sumBy('result', rate(`replication_applied_operations_total{${pickedShard}}`)),
        },
        alerts: ['ApplyErrorsHigh'],
      },
    ],
    'Came twice': [
      {
        title: 'Duplicates that were skipped',
        says: 'Operations a second by node. Common after a reconnect or a failover; never applied again.',
        unit: 'ops',
        thresholds: [10, 1000],
        of: { '{{instance}}': orZero(sumBy('instance', rate(applied('duplicate')))) },
      },
      {
        title: 'Given again by JetStream',
        says: 'Events that a consumer had been given and not acknowledged in time.',
        unit: 'none',
        thresholds: [1, 100],
        of: {
          '{{consumer_name}} {{stream_name}}':
            'max by (stream_name, consumer_name) (jetstream_consumer_num_redelivered)',
        },
        alerts: ['ReplicationStalled'],
      },
    ],
    Lost: [
      {
        title: 'Gaps, and losses of streams',
        says: 'Within an hour. Events that did not come are fetched from the log of a peer.',
        unit: 'none',
        thresholds: [1, 10],
        of: {
          'gaps {{instance}} shard {{shard}}': orZero(`increase(replication_gaps_total{${pickedShard}}[1h])`),
          'losses {{instance}} shard {{shard}}': orZero(
            `increase(replication_stream_losses_total{${pickedShard}}[1h])`,
          ),
        },
        alerts: ['ReplicationGaps', 'StreamLostEvents'],
      },
      {
        title: 'Orphans: found, and what came of them',
        says: 'Operations of deposed leaders within an hour: found, offered, and kept for a person.',
        unit: 'none',
        thresholds: [1, 100],
        of: {
          'found {{instance}} shard {{shard}}': orZero(
            `increase(replication_orphans_total{${pickedShard}}[1h])`,
          ),
          'offered: {{result}}': orZero(
            sumBy('result', `increase(replication_orphans_offered_total{${pickedShard}}[1h])`),
          ),
          'kept {{instance}} shard {{shard}}': `replica_orphans_kept{${pickedShard}}`,
        },
        alerts: ['OrphanedWrites'],
      },
      {
        title: 'Publishes that were fenced',
        says: 'Within an hour: of leaders that had been replaced. The stream refused them.',
        unit: 'none',
        thresholds: [10, 100],
        of: {
          '{{instance}} shard {{shard}}': orZero(
            `increase(leader_fenced_publishes_total{${pickedShard}}[1h])`,
          ),
        },
        alerts: ['LeadershipFlapping'],
      },
      {
        title: 'Writes by what was promised and given',
        says: 'A second. Indeterminate: stored, but not confirmed in time; a retry tells.',
        unit: 'ops',
        thresholds: 'any is right',
        of: { 'ack={{ack}} {{result}}': sumBy('ack, result', rate(`gateway_writes_total{${picked}}`)) },
        alerts: ['ApiErrorRateHigh'],
        traces: 'gateway',
      },
    ],
    'Set aside': [
      {
        title: 'In quarantine',
        says: 'Rows that a repair overwrote and events that could not be read, by replica.',
        unit: 'none',
        thresholds: [1, 100],
        of: {
          '{{instance}} shard {{shard}}': sumBy(
            'instance, shard',
            `replica_quarantined_items{${pickedShard}}`,
          ),
        },
        alerts: ['DeadLetters'],
      },
      {
        title: 'Dead letters, halted replicas',
        says: 'Events that could not be decoded within an hour, and replicas that halted at one.',
        unit: 'none',
        thresholds: [1, 3],
        of: {
          'dead {{instance}} shard {{shard}}': orZero(
            `increase(replication_dead_letters_total{${pickedShard}}[1h])`,
          ),
          'halted {{instance}} shard {{shard}}': `replica_halted{${pickedShard}}`,
        },
        alerts: ['ReplicaHalted'],
      },
    ],
  },
};
