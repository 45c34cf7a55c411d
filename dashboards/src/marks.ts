/** What happened, as marks on every board: faults, and what the cluster did about them. */
import { type Marks, rate } from './spec.ts';

export const marks: readonly Marks[] = [
  {
    title: 'Started',
    expression: 'time() - process_start_time_seconds < 15',
    text: '{{instance}}',
    color: 'blue',
  },
  {
    title: 'Away',
    expression: 'up{job=~"store-node|gateway|anti-entropy|nats"} == 0',
    text: '{{instance}}',
    color: 'red',
  },
  {
    title: 'Elected',
    expression: `${rate('leader_elections_won_total')} > 0`,
    text: '{{instance}} shard {{shard}}',
    color: 'purple',
  },
  {
    title: 'Drift made on purpose',
    expression: `${rate('injected_drift_total')} > 0`,
    text: '{{instance}} shard {{shard}} {{kind}}',
    color: 'orange',
  },
  {
    title: 'Drifted',
    expression: 'replica_drifted == 1',
    text: '{{instance}} shard {{shard}}',
    color: 'dark-red',
  },
  {
    title: 'Alert',
    expression: 'ALERTS{alertstate="firing"}',
    text: '{{severity}}: {{alertname}} {{instance}}',
    color: 'yellow',
  },
];
