/** How far behind: each replica in seconds and operations, the canary's view, and the objective's budget. */
import { type BoardSpec, orZero, picked, pickedShard, quantiles, rate, sumBy } from '../spec.ts';

const member = `replica_member{${pickedShard}}`;

export const lag: BoardSpec = {
  name: 'lag',
  title: 'Consistency lag',
  says: 'How far each replica is behind its leader, by its own word and by the canary; unknown has no line.',
  rows: {
    'By the word of the replicas': [
      {
        title: 'Lag',
        says: 'Age of the oldest operation not applied; 0 when caught up. A gap in a line: unknown.',
        unit: 's',
        thresholds: [1, 60],
        of: { '{{instance}} shard {{shard}}': `replication_lag_seconds{${pickedShard}}` },
        alerts: ['ReplicationStalled', 'BacklogOld', 'LagBudgetBurnsFast'],
        traces: 'store-node',
      },
      {
        title: 'Lag in operations',
        says: "The leader's position minus the replica's.",
        unit: 'none',
        thresholds: [1000, 20_000],
        of: { '{{instance}} shard {{shard}}': `replication_lag_operations{${pickedShard}}` },
        alerts: ['ReplicationStalled'],
      },
      {
        title: 'Lag by the word of the leaders',
        says: 'Age of the oldest commit that a member has not told to have on disk: a frozen one shows.',
        unit: 's',
        thresholds: [1, 60],
        of: { '{{node}} shard {{shard}}': `leader_follower_lag_seconds{job=~"$job", shard=~"$shard"}` },
        alerts: ['FollowerSilent', 'LagBudgetBurnsFast'],
      },
      {
        title: 'Since nodes heard of each other',
        says: 'Each tells its status twice a second.',
        unit: 's',
        thresholds: [3, 30],
        of: { '{{node}} at {{instance}}': `peer_silent_seconds{${picked}}` },
        alerts: ['FollowerSilent', 'ComponentDown'],
      },
      {
        title: 'Replicas of unknown lag',
        says: '1 while a member has not heard from its leader, and its process answers.',
        unit: 'none',
        thresholds: [1, 2],
        as: 'states',
        of: {
          '{{instance}} shard {{shard}}': `${member} unless replication_lag_seconds or ${member} - 1`,
        },
        alerts: ['ReplicationLagUnknown', 'NatsDisconnected'],
      },
      {
        title: 'Age of events when they are applied',
        says: "By the leader's clock, so clocks that differ show too.",
        unit: 's',
        thresholds: [0.5, 5],
        of: quantiles('replication_lag_at_apply_seconds', pickedShard, [0.5, 0.95, 0.99]),
        alerts: ['LagBudgetBurnsFast'],
        traces: 'store-node',
      },
      {
        title: 'Time to converge',
        says: 'From a commit until every member of the shard has it on disk.',
        unit: 's',
        thresholds: [5, 1800],
        of: quantiles('replication_convergence_seconds', pickedShard, [0.5, 0.95, 0.99]),
        alerts: ['ConvergenceSlow'],
      },
      {
        title: 'Operations applied by followers',
        says: 'Operations a second by node.',
        unit: 'ops',
        thresholds: 'any is right',
        of: {
          '{{instance}}': sumBy('instance', rate(`replication_applied_operations_total{${pickedShard}}`)),
        },
        alerts: ['ReplicationStalled'],
      },
    ],
    'By the canary': [
      {
        title: 'From a put to each replica',
        says: 'What a client sees: a key is put through a gateway and read from each replica until it shows.',
        unit: 's',
        thresholds: [1, 10],
        of: quantiles('canary_visible_seconds', `${picked}, shard=~"$shard"`, [0.5, 0.95], 'node'),
        alerts: ['CanaryNotSeen'],
        traces: 'gateway',
      },
      {
        title: 'Since the canary was seen',
        says: 'By shard and node. It grows where the way from client to replica is broken.',
        unit: 's',
        thresholds: [30, 60],
        of: { 'shard {{shard}} {{node}}': `time() - canary_last_seen_timestamp_seconds{${pickedShard}}` },
        alerts: ['CanaryNotSeen'],
      },
      {
        title: "Time of the canary's put",
        says: 'One write a shard, at the default level.',
        unit: 's',
        thresholds: [0.5, 2],
        of: quantiles('canary_put_duration_seconds', pickedShard, [0.5, 0.95]),
        alerts: ['ApiLatencyHigh'],
      },
      {
        title: 'Canaries that failed',
        says: 'A second, by shard and reason. None, but for faults.',
        unit: 'ops',
        thresholds: [0.01, 0.1],
        of: {
          'shard {{shard}} {{reason}}': orZero(
            sumBy('shard, reason', rate(`canary_failures_total{${pickedShard}}`)),
          ),
        },
        alerts: ['CanaryNotSeen', 'ApiErrorRateHigh'],
      },
    ],
    'Objective: at most 1 s behind for 99.9% of the time': [
      {
        title: 'How fast the budget burns',
        says: '1: just used up after 30 days. 14.4 over an hour and 6 over six hours alert.',
        unit: 'none',
        thresholds: [6, 14.4],
        of: {
          'over 5 minutes': 'cluster:lag_bad:ratio_avg5m / 0.001',
          'over 1 hour': 'cluster:lag_bad:ratio_avg1h / 0.001',
          'over 6 hours': 'cluster:lag_bad:ratio_avg6h / 0.001',
        },
        alerts: ['LagBudgetBurnsFast', 'LagBudgetBurnsSlowly'],
      },
      {
        title: 'Budget left of 30 days',
        says: '1 minus what was spent, of 0.1% of the time. Below 0 the objective is missed.',
        unit: 'percentunit',
        thresholds: [0.5, 0.1, 'below'],
        of: { left: '1 - avg_over_time(cluster:lag_bad:ratio[30d]) / 0.001' },
        alerts: ['LagBudgetBurnsSlowly'],
      },
    ],
    'What holds it up': [
      {
        title: 'Leaders by shard',
        says: '1 where a node leads. A shard without a 1 has no leader.',
        unit: 'none',
        thresholds: 'any is right',
        as: 'states',
        of: { 'shard {{shard}} {{instance}}': `replica_leading{${pickedShard}}` },
        alerts: ['ShardWithoutLeader', 'LeadershipFlapping'],
      },
      {
        title: 'Waiting to be published and applied',
        says: 'Operations that the stream has not confirmed, and events that wait at followers.',
        unit: 'none',
        thresholds: [5_000, 100_000],
        of: {
          'outbox {{instance}} shard {{shard}}': `leader_outbox_operations{${pickedShard}}`,
          'apply queue {{instance}} shard {{shard}}': `follower_apply_queue_events{${pickedShard}}`,
        },
        alerts: ['NatsDisconnected', 'ReplicationStalled'],
      },
      {
        title: 'Session reads that waited',
        says: 'How long reads waited until the replica had what the session has seen.',
        unit: 's',
        thresholds: [0.5, 2],
        of: quantiles('session_wait_duration_seconds', picked, [0.5, 0.95]),
        traces: 'store-node',
      },
      {
        title: 'Reads refused as too stale',
        says: 'A second. Bounded reads whose bound could not be kept, or where staleness was unknown.',
        unit: 'ops',
        thresholds: [0.1, 10],
        of: {
          '{{level}}': orZero(sumBy('level', rate(`reads_total{${picked}, result="stale-refused"}`))),
        },
        alerts: ['ReplicationLagUnknown'],
      },
    ],
  },
};
