/** NATS and JetStream, by prometheus-nats-exporter, and how our processes see them. */
import { type BoardSpec, orZero, picked, rate } from '../spec.ts';

export const nats: BoardSpec = {
  name: 'nats',
  title: 'NATS/JetStream',
  says: 'The servers by their own monitoring, and the connections to them by the word of our processes.',
  rows: {
    'As our processes see it': [
      {
        title: 'Connected',
        says: '1 while a process is connected to NATS.',
        unit: 'bool_yes_no',
        thresholds: [1, 0.5, 'below'],
        as: 'states',
        of: { '{{instance}}': `nats_connected{${picked}}` },
        alerts: ['NatsDisconnected'],
      },
      {
        title: 'Round trip',
        says: 'Time of a question to the server and back. Unknown while disconnected.',
        unit: 's',
        thresholds: [0.05, 0.5],
        of: { '{{instance}}': `nats_round_trip_seconds{${picked}}` },
        alerts: ['LeadershipFlapping'],
      },
      {
        title: 'Reconnects',
        says: 'Within ten minutes.',
        unit: 'none',
        thresholds: [1, 5],
        of: { '{{instance}}': `increase(nats_reconnects_total{${picked}}[10m])` },
        alerts: ['NatsDisconnected', 'SlowConsumers'],
      },
      {
        title: 'Streams found to have lost events',
        says: 'Within ten minutes, by node and shard: recreated, purged, or gone back. Logs fill them again.',
        unit: 'none',
        thresholds: [1, 3],
        of: {
          '{{instance}} shard {{shard}}': orZero(`increase(replication_stream_losses_total{${picked}}[10m])`),
        },
        alerts: ['StreamLostEvents'],
      },
    ],
    Servers: [
      {
        title: 'Health',
        says: "1 while the server's health check says ok.",
        unit: 'bool_yes_no',
        thresholds: [1, 0.5, 'below'],
        as: 'states',
        of: { '{{server_id}}': 'max by (server_id) (gnatsd_healthz_status_value)' },
        alerts: ['NatsServerUnhealthy'],
      },
      {
        title: 'Slow consumers',
        says: 'Connections that were cut within ten minutes because they did not read fast enough.',
        unit: 'none',
        thresholds: [1, 5],
        of: { '{{server_id}}': 'increase(gnatsd_varz_slow_consumers[10m])' },
        alerts: ['SlowConsumers'],
      },
      {
        title: 'Messages',
        says: 'A second, in and out.',
        unit: 'cps',
        thresholds: 'any is right',
        of: {
          '{{server_id}} in': rate('gnatsd_varz_in_msgs'),
          '{{server_id}} out': rate('gnatsd_varz_out_msgs'),
        },
      },
      {
        title: 'Bytes',
        says: 'A second, in and out.',
        unit: 'Bps',
        thresholds: 'any is right',
        of: {
          '{{server_id}} in': rate('gnatsd_varz_in_bytes'),
          '{{server_id}} out': rate('gnatsd_varz_out_bytes'),
        },
      },
      {
        title: 'CPU and memory',
        says: 'CPU in percent of a core, memory in MiB.',
        unit: 'short',
        thresholds: [500, 1000],
        of: { '{{server_id}} CPU %': 'gnatsd_varz_cpu', '{{server_id}} MiB': 'gnatsd_varz_mem / 1048576' },
        alerts: ['NatsServerUnhealthy'],
      },
      {
        title: 'Connections, subscriptions, routes',
        says: 'Two connections a process at most; routes join the servers of a cluster.',
        unit: 'none',
        thresholds: [5_000, 50_000],
        of: {
          '{{server_id}} connections': 'gnatsd_varz_connections',
          '{{server_id}} subscriptions': 'gnatsd_varz_subscriptions',
          '{{server_id}} routes': 'gnatsd_varz_routes',
        },
        alerts: ['NatsServerUnhealthy'],
      },
    ],
    JetStream: [
      {
        title: 'Storage in use',
        says: 'Share of what JetStream may use. When it is full, leaders keep events in their logs.',
        unit: 'percentunit',
        thresholds: [0.8, 0.95],
        of: {
          '{{server_id}}':
            'gnatsd_varz_jetstream_stats_storage / (gnatsd_varz_jetstream_config_max_storage > 0)',
        },
        alerts: ['JetStreamStorageHigh'],
      },
      {
        title: 'API',
        says: 'Calls a second, and those that failed. Compare-and-set that loses counts as failed.',
        unit: 'cps',
        thresholds: 'any is right',
        of: {
          '{{server_id}} calls': rate('gnatsd_varz_jetstream_stats_api_total'),
          '{{server_id}} errors': rate('gnatsd_varz_jetstream_stats_api_errors'),
        },
      },
      {
        title: 'Events published, by stream',
        says: 'A second, by the last sequence of each stream, which never goes back unless it was purged.',
        unit: 'cps',
        thresholds: 'any is right',
        of: { '{{stream_name}}': `max by (stream_name) (${rate('jetstream_stream_last_seq')})` },
        alerts: ['StreamLostEvents'],
      },
      {
        title: 'Size of streams',
        says: 'Bytes by stream.',
        unit: 'bytes',
        thresholds: [400_000_000, 536_870_912],
        of: { '{{stream_name}}': 'max by (stream_name) (jetstream_stream_total_bytes)' },
        alerts: ['JetStreamStorageHigh'],
      },
      {
        title: 'Waiting in consumers',
        says: 'Events that the follower has not been given.',
        unit: 'none',
        thresholds: [1_000, 100_000],
        of: {
          '{{stream_name}} {{consumer_name}}':
            'max by (stream_name, consumer_name) (jetstream_consumer_num_pending)',
        },
        alerts: ['ReplicationStalled'],
      },
      {
        title: 'Given and not acknowledged, given again',
        says: 'At most 128 under way by default. Given again: an acknowledgement did not come in time.',
        unit: 'none',
        thresholds: [100, 128],
        of: {
          'under way {{consumer_name}} {{stream_name}}':
            'max by (stream_name, consumer_name) (jetstream_consumer_num_ack_pending)',
          'again {{consumer_name}} {{stream_name}}':
            'max by (stream_name, consumer_name) (jetstream_consumer_num_redelivered)',
        },
        alerts: ['ReplicationStalled'],
      },
    ],
  },
};
