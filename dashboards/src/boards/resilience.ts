/** A fault, what it did to clients, how the cluster came back: to be read along the marks of events. */
import { type BoardSpec, orZero, picked, pickedShard, quantiles, rate, sumBy } from '../spec.ts';
import { clientErrors, clientMatchers } from './services.ts';

export const resilience: BoardSpec = {
  name: 'resilience',
  title: 'Resilience',
  says: 'Marks show starts, processes that are away, elections, drift, alerts; panels what clients felt.',
  rows: {
    'What clients felt': [
      {
        title: 'Availability',
        says: 'Share of the requests of clients that were not answered by 5xx.',
        unit: 'percentunit',
        thresholds: [0.999, 0.95, 'below'],
        of: {
          available: `1 - (${orZero(clientErrors)})`,
        },
        alerts: ['ApiErrorRateHigh'],
        traces: 'gateway',
      },
      {
        title: 'Latency',
        says: '95th and 99th percentile. A failover shows as a peak of some seconds.',
        unit: 's',
        thresholds: [0.5, 2],
        of: quantiles('http_request_duration_seconds', clientMatchers, [0.95, 0.99]),
        alerts: ['ApiLatencyHigh'],
        traces: 'gateway',
      },
    ],
    'What was away': [
      {
        title: 'Processes',
        says: '1 while a process answers.',
        unit: 'bool_yes_no',
        thresholds: [1, 0.5, 'below'],
        as: 'states',
        of: { '{{instance}}': `max by (instance) (up{${picked}})` },
        alerts: ['ComponentDown', 'ComponentRestarting'],
      },
      {
        title: 'Nodes that gateways hear of',
        says: 'Alive by their statuses, beside all that are known, and shards that nobody is known to lead.',
        unit: 'none',
        thresholds: 'any is right',
        of: {
          '{{instance}}: alive': `gateway_nodes_alive{${picked}}`,
          '{{instance}}: known': `gateway_nodes_known{${picked}}`,
          '{{instance}}: shards without a leader': `gateway_shards_without_leader{${picked}}`,
        },
        alerts: ['ComponentDown', 'ShardWithoutLeader'],
      },
      {
        title: 'Connections to NATS',
        says: '0 while a process has none.',
        unit: 'bool_yes_no',
        thresholds: [1, 0.5, 'below'],
        as: 'states',
        of: { '{{instance}}': `nats_connected{${picked}}` },
        alerts: ['NatsDisconnected'],
      },
      {
        title: 'Circuits',
        says: '0 closed, 1 half-open, 2 open.',
        unit: 'none',
        thresholds: [1, 2],
        as: 'states',
        of: { '{{instance}} to {{node}}': `gateway_circuit_state{${picked}}` },
        alerts: ['CircuitOpen'],
      },
    ],
    'How it came back': [
      {
        title: 'Elections, and publishes that were fenced',
        says: 'Within five minutes. Fenced: of a leader that had been replaced; it did no harm.',
        unit: 'none',
        thresholds: [3, 10],
        of: {
          'elections shard {{shard}}': sumBy(
            'shard',
            `increase(leader_elections_won_total{${pickedShard}}[5m])`,
          ),
          'fenced shard {{shard}}': orZero(
            sumBy('shard', `increase(leader_fenced_publishes_total{${pickedShard}}[5m])`),
          ),
        },
        alerts: ['LeadershipFlapping'],
      },
      {
        title: 'Lag',
        says: 'How far replicas fell behind, and how they caught up.',
        unit: 's',
        thresholds: [1, 60],
        of: { '{{instance}} shard {{shard}}': `replication_lag_seconds{${pickedShard}}` },
        alerts: ['ReplicationStalled'],
      },
      {
        title: 'Retries and refusals',
        says: 'Operations a second that gateways sent again, and requests that they refused.',
        unit: 'ops',
        thresholds: [1, 20],
        of: {
          'again: {{operation}}': orZero(
            sumBy('operation', rate(`gateway_retried_operations_total{${picked}}`)),
          ),
          'refused: {{reason}}': orZero(sumBy('reason', rate(`gateway_shed_requests_total{${picked}}`))),
        },
        alerts: ['RequestsShed'],
      },
      {
        title: 'Replicas that are out of service',
        says: 'Drifted or halted, and copies of a peer that were installed within ten minutes.',
        unit: 'none',
        thresholds: [1, 3],
        of: {
          'drifted {{instance}}': `sum by (instance) (replica_drifted{${pickedShard}})`,
          'halted {{instance}}': `sum by (instance) (replica_halted{${pickedShard}})`,
          'copies {{instance}}': orZero(
            sumBy('instance', `increase(replica_snapshots_installed_total{${picked}}[10m])`),
          ),
        },
        alerts: ['ReplicaDrifted', 'ReplicaHalted'],
      },
      {
        title: 'Ready to serve',
        says: 'Replicas that are ready, and shards whose replica set is changing.',
        unit: 'none',
        thresholds: 'any is right',
        of: {
          'ready {{instance}}': `sum by (instance) (replica_ready{${pickedShard}})`,
          'members {{instance}}': `sum by (instance) (replica_member{${pickedShard}})`,
          moving: orZero(`sum(shard_moving{${pickedShard}})`),
        },
        alerts: ['ShardWithoutLeader'],
      },
      {
        title: 'Changes of replica sets',
        says: 'Within ten minutes, by shard: members that were added or removed.',
        unit: 'none',
        thresholds: 'any is right',
        of: {
          'shard {{shard}}': orZero(
            sumBy('shard', `increase(leader_set_changes_total{${pickedShard}}[10m])`),
          ),
        },
      },
    ],
  },
};
