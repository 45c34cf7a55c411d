/** Metrics of programs that are not ours and that rules and boards read, by who serves them. */
export const exporters: Record<string, readonly string[]> = {
  /** Of itself, about every target. */
  prometheus: ['up', 'ALERTS'],
  /** With -varz -healthz -routez -jsz=all. */
  'prometheus-nats-exporter': [
    'gnatsd_healthz_status_value',
    'gnatsd_varz_connections',
    'gnatsd_varz_cpu',
    'gnatsd_varz_in_bytes',
    'gnatsd_varz_in_msgs',
    'gnatsd_varz_jetstream_config_max_storage',
    'gnatsd_varz_jetstream_stats_api_errors',
    'gnatsd_varz_jetstream_stats_api_total',
    'gnatsd_varz_jetstream_stats_storage',
    'gnatsd_varz_mem',
    'gnatsd_varz_out_bytes',
    'gnatsd_varz_out_msgs',
    'gnatsd_varz_routes',
    'gnatsd_varz_slow_consumers',
    'gnatsd_varz_subscriptions',
    'jetstream_consumer_num_ack_pending',
    'jetstream_consumer_num_pending',
    'jetstream_consumer_num_redelivered',
    'jetstream_stream_last_seq',
    'jetstream_stream_total_bytes',
  ],
  'node-exporter': [
    'node_cpu_seconds_total',
    'node_disk_io_time_seconds_total',
    'node_filesystem_avail_bytes',
    'node_filesystem_size_bytes',
    'node_memory_MemAvailable_bytes',
    'node_memory_MemTotal_bytes',
    'node_network_receive_bytes_total',
    'node_network_transmit_bytes_total',
  ],
};
