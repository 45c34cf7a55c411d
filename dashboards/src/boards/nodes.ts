/** USE: utilization, saturation, errors of CPU, memory, event loop, disk, SQLite, by process and machine. */
import { type BoardSpec, orZero, picked, pickedShard, quantiles, rate, sumBy } from '../spec.ts';

/** Of the disk of a machine, without what is memory or a part of another one. */
const available = 'node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|squashfs|ramfs"}';

const free = `store_volume_free_bytes{${picked}}`;

export const nodes: BoardSpec = {
  name: 'nodes',
  title: 'Nodes (USE)',
  says: 'Utilization, saturation and errors of what processes live on; machines where node-exporter runs.',
  rows: {
    'CPU and event loop': [
      {
        title: 'CPU by process',
        says: 'Cores in use. One process does its work on one core.',
        unit: 'percentunit',
        thresholds: [0.7, 0.85],
        of: { '{{instance}}': rate(`process_cpu_seconds_total{${picked}}`) },
        alerts: ['ProcessCpuHigh'],
      },
      {
        title: 'Event loop: use',
        says: 'Share of the time that it was busy since the last scrape.',
        unit: 'percentunit',
        thresholds: [0.8, 0.9],
        of: { '{{instance}}': `nodejs_eventloop_utilization_ratio{${picked}}` },
        alerts: ['EventLoopSaturated'],
      },
      {
        title: 'Event loop: delay',
        says: 'How late timers came, 99th percentile since the last scrape.',
        unit: 's',
        thresholds: [0.1, 0.5],
        of: { '{{instance}}': `nodejs_eventloop_lag_p99_seconds{${picked}}` },
        alerts: ['EventLoopSaturated'],
      },
      {
        title: 'Garbage collection',
        says: 'Share of the time, by kind of collection.',
        unit: 'percentunit',
        thresholds: [0.05, 0.2],
        of: {
          '{{instance}} {{kind}}': sumBy('instance, kind', rate(`nodejs_gc_duration_seconds_sum{${picked}}`)),
        },
        alerts: ['EventLoopSaturated'],
      },
    ],
    'Memory and files of processes': [
      {
        title: 'Memory',
        says: 'Resident memory, and the part of it that JavaScript uses.',
        unit: 'bytes',
        thresholds: [1_000_000_000, 2_000_000_000],
        of: {
          '{{instance}} resident': `process_resident_memory_bytes{${picked}}`,
          '{{instance}} heap': `nodejs_heap_used_bytes{${picked}}`,
        },
        alerts: ['ComponentRestarting'],
      },
      {
        title: 'File descriptors in use',
        says: 'Share of what the process may open: files and connections.',
        unit: 'percentunit',
        thresholds: [0.6, 0.8],
        of: { '{{instance}}': `process_open_fds{${picked}} / process_max_fds` },
        alerts: ['FileDescriptorsLow'],
      },
      {
        title: 'Running since',
        says: 'Age of each process. It falls to 0 at a restart.',
        unit: 's',
        thresholds: [300, 30, 'below'],
        of: { '{{instance}}': `time() - process_start_time_seconds{${picked}}` },
        alerts: ['ComponentRestarting'],
      },
      {
        title: 'Lines of log by level',
        says: 'A second. Warnings and errors should be rare.',
        unit: 'cps',
        thresholds: 'any is right',
        of: { '{{instance}} {{level}}': sumBy('instance, level', rate(`logs_total{${picked}}`)) },
      },
    ],
    'SQLite and the volume': [
      {
        title: 'Used of the volume',
        says: 'Of the volume that holds the shards. Past 80% plan more room.',
        unit: 'percentunit',
        thresholds: [0.8, 0.95],
        of: {
          '{{instance}}': `1 - min by (instance) (${free} / store_volume_size_bytes)`,
        },
        alerts: ['StorageUsageHigh', 'VolumeFullIn4Hours'],
      },
      {
        title: 'Free in 4 hours, by the trend of the last',
        says: 'Below 0 the volume will be full.',
        unit: 'bytes',
        thresholds: [1_000_000_000, 0, 'below'],
        of: {
          '{{instance}}': `min by (instance) (predict_linear(${free}[1h], 4 * 3600))`,
        },
        alerts: ['VolumeFullIn4Hours'],
      },
      {
        title: 'Files of the shards',
        says: 'Bytes of each SQLite file and its WAL.',
        unit: 'bytes',
        thresholds: [10_000_000_000, 50_000_000_000],
        of: { '{{instance}} shard {{shard}} {{file}}': `store_file_bytes{${pickedShard}}` },
        alerts: ['StorageUsageHigh'],
      },
      {
        title: 'What is kept: log, deleted keys',
        says: 'A member that is away makes both grow.',
        unit: 'short',
        thresholds: 'any is right',
        of: {
          'log bytes {{instance}} shard {{shard}}': `replica_log_bytes{${pickedShard}}`,
          'tombstones shard {{shard}}': `max by (shard) (leader_tombstones{${pickedShard}})`,
          'removed a second, {{kind}}': orZero(
            sumBy('kind', rate(`leader_rows_collected_total{${pickedShard}}`)),
          ),
        },
        alerts: ['StorageUsageHigh'],
      },
      {
        title: 'Time of transactions',
        says: 'Commits: written, not yet on disk. Cursor: that alone. Syncs: all before them is on disk.',
        unit: 's',
        thresholds: [0.05, 0.5],
        of: quantiles('store_transaction_duration_seconds', picked, [0.5, 0.99], 'kind'),
        alerts: ['EventLoopSaturated'],
        traces: 'store-node',
      },
      {
        title: 'Busy with SQLite',
        says: 'Share of the time that a node spends in its store, which is time of its event loop.',
        unit: 'percentunit',
        thresholds: [0.5, 0.8],
        of: {
          '{{instance}}': sumBy('instance', rate(`store_transaction_duration_seconds_sum{${pickedShard}}`)),
        },
        alerts: ['EventLoopSaturated'],
      },
    ],
    'Machines (node-exporter)': [
      {
        title: 'CPU by machine',
        says: 'All cores together.',
        unit: 'percentunit',
        thresholds: [0.7, 0.85],
        of: { '{{instance}}': `1 - avg by (instance) (${rate('node_cpu_seconds_total{mode="idle"}')})` },
        alerts: ['MachineCpuHigh'],
      },
      {
        title: 'Memory by machine',
        says: 'Share that is in use.',
        unit: 'percentunit',
        thresholds: [0.8, 0.95],
        of: { '{{instance}}': '1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes' },
        alerts: ['ComponentRestarting'],
      },
      {
        title: 'Disks by machine',
        says: 'Share of the time that a disk was busy, and share of each file system that is used.',
        unit: 'percentunit',
        thresholds: [0.8, 0.95],
        of: {
          '{{instance}} {{device}} busy': rate('node_disk_io_time_seconds_total'),
          '{{instance}} {{mountpoint}}': `1 - ${available} / node_filesystem_size_bytes`,
        },
        alerts: ['StorageUsageHigh'],
      },
      {
        title: 'Network by machine',
        says: 'Bytes a second.',
        unit: 'Bps',
        thresholds: 'any is right',
        of: {
          '{{instance}} received': sumBy('instance', rate('node_network_receive_bytes_total{device!="lo"}')),
          '{{instance}} sent': sumBy('instance', rate('node_network_transmit_bytes_total{device!="lo"}')),
        },
      },
    ],
  },
};
