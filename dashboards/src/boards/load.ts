/** What comes, how it is gathered, where it waits, what is refused: how near capacity the cluster is. */
import {
  type BoardSpec,
  orZero,
  picked,
  pickedShard,
  quantile,
  quantiles,
  rate,
  share,
  sumBy,
} from '../spec.ts';
import { clientRequests } from './services.ts';

const batches = (part: string): string =>
  sumBy('operation', rate(`gateway_batch_operations_${part}{${picked}}`));

export const load: BoardSpec = {
  name: 'load',
  title: 'Load',
  says: 'From the requests of clients over batches and queues to commits, with what each part has left.',
  rows: {
    'What comes': [
      {
        title: 'Requests by gateway',
        says: 'Requests of clients a second.',
        unit: 'reqps',
        thresholds: 'any is right',
        of: { '{{instance}}': sumBy('instance', rate(clientRequests())) },
        alerts: ['RequestSpike'],
      },
      {
        title: 'Now against 5 seconds ago',
        says: 'All requests a second, scrape by scrape. Ten times as many within 5 s alert.',
        unit: 'reqps',
        thresholds: 'any is right',
        of: { now: 'job:api_requests:irate', '10 × 5 s earlier': '10 * job:api_requests:irate offset 5s' },
        alerts: ['RequestSpike'],
      },
      {
        title: 'Being served',
        says: 'Requests by gateway, of 4096 at most by default.',
        unit: 'none',
        thresholds: [3000, 4000],
        of: { '{{instance}}': `gateway_requests_in_flight{${picked}}` },
        alerts: ['RequestsShed'],
      },
      {
        title: 'Bytes being served',
        says: 'Of bodies by gateway, of 256 MiB at most by default; and recent changes kept for watchers.',
        unit: 'bytes',
        thresholds: [134_217_728, 241_591_910],
        of: {
          '{{instance}} bodies': `gateway_body_bytes_in_flight{${picked}}`,
          '{{instance}} for watchers': `gateway_watch_buffer_bytes{${picked}}`,
        },
        alerts: ['RequestsShed'],
      },
    ],
    'How it is gathered': [
      {
        title: 'Waiting in lanes',
        says: 'Operations that wait for their node, by kind of lane. 20000 in one lane at most by default.',
        unit: 'none',
        thresholds: [1000, 15_000],
        of: { '{{instance}} {{lane}}': `gateway_lane_waiting_operations{${picked}}` },
        alerts: ['RequestsShed'],
      },
      {
        title: 'Operations in a request to a node',
        says: 'Batches grow with the load: that is how throughput grows.',
        unit: 'none',
        thresholds: 'any is right',
        of: {
          ...quantiles('gateway_batch_operations', picked, [0.5, 0.95], 'operation'),
          'mean {{operation}}': ['sum', 'count'].map(batches).join(' / '),
        },
      },
      {
        title: 'Refused',
        says: 'Requests a second that were told 429, by the bound that was reached.',
        unit: 'reqps',
        thresholds: [1, 100],
        of: {
          '{{instance}} {{reason}}': orZero(
            sumBy('instance, reason', rate(`gateway_shed_requests_total{${picked}}`)),
          ),
        },
        alerts: ['RequestsShed'],
      },
      {
        title: 'Reads by level and result',
        says: 'A second, at the gateways.',
        unit: 'ops',
        thresholds: 'any is right',
        of: { '{{level}} {{result}}': sumBy('level, result', rate(`gateway_reads_total{${picked}}`)) },
      },
    ],
    'What leaders do': [
      {
        title: 'Operations committed, by shard',
        says: 'A second. Shards are even when keys are.',
        unit: 'ops',
        thresholds: 'any is right',
        of: {
          'shard {{shard}}': sumBy('shard', rate(`leader_committed_operations_total{${pickedShard}}`)),
        },
      },
      {
        title: 'Bytes of events, by node',
        says: 'A second, made by leaders; every follower gets as many.',
        unit: 'Bps',
        thresholds: 'any is right',
        of: {
          '{{instance}}': sumBy('instance', rate(`leader_committed_event_bytes_total{${pickedShard}}`)),
        },
      },
      {
        title: 'Time of commits and of applying',
        says: 'One transaction of a leader, and check and commit of one event by a follower.',
        unit: 's',
        thresholds: [0.05, 0.5],
        of: {
          'commit p95 {{instance}}': quantile(
            0.95,
            'leader_commit_duration_seconds',
            pickedShard,
            'instance',
          ),
          'apply p95 {{instance}}': quantile(
            0.95,
            'replication_apply_duration_seconds',
            pickedShard,
            'instance',
          ),
        },
        alerts: ['EventLoopSaturated'],
        traces: 'store-node',
      },
      {
        title: 'Waiting in outboxes',
        says: 'Operations that the stream has not confirmed. At 200000 a leader refuses writes.',
        unit: 'none',
        thresholds: [20_000, 150_000],
        of: { '{{instance}} shard {{shard}}': `leader_outbox_operations{${pickedShard}}` },
        alerts: ['NatsDisconnected'],
      },
    ],
    'What is left': [
      {
        title: 'CPU by process',
        says: 'Cores in use. Past 85% add processes.',
        unit: 'percentunit',
        thresholds: [0.7, 0.85],
        of: { '{{instance}}': rate(`process_cpu_seconds_total{${picked}}`) },
        alerts: ['ProcessCpuHigh', 'MachineCpuHigh'],
      },
      {
        title: 'Requests for each core in use',
        says: 'Requests of clients a second, for all CPU of gateways and nodes: what growth will cost.',
        unit: 'reqps',
        thresholds: 'any is right',
        of: {
          'a core': share(
            `sum(${rate(clientRequests())})`,
            `sum(${rate('process_cpu_seconds_total{job=~"gateway|store-node"}')})`,
          ),
        },
      },
    ],
  },
};
