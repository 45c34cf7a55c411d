/** RED: rate, errors, duration of every route of every process, and of the hops between them. */
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

/** Of clients: health checks and scrapes are not, and a watch lasts as long as somebody watches. */
export const clientMatchers =
  'job="gateway", instance=~"$instance", route!~"/metrics|/livez|/readyz|/v1/watch"';

export function clientRequests(...more: string[]): string {
  return `http_request_duration_seconds_count{${[clientMatchers, ...more].join(', ')}}`;
}

const routes95 = quantile(0.95, 'http_request_duration_seconds', clientMatchers, 'method', 'route');

/** The share of them that failed; nothing while nobody asks. */
export const clientErrors = share(
  `sum(${rate(clientRequests('status=~"5.."'))})`,
  `sum(${rate(clientRequests())})`,
);

const noWatches = `${picked}, route!~"/metrics|/livez|/readyz|/v1/watch|.*/log"`;
const asked = `http_request_duration_seconds_count{${noWatches}}`;
const failed = `http_request_duration_seconds_count{${noWatches}, status=~"5.."}`;

export const services: BoardSpec = {
  name: 'services',
  title: 'Services (RED)',
  says: 'Rate, errors and duration of every route of every process, and of hops from gateways to nodes.',
  rows: {
    'HTTP of every process': [
      {
        title: 'Requests by route',
        says: 'Requests a second by kind of process, method and route.',
        unit: 'reqps',
        thresholds: 'any is right',
        of: {
          '{{job}} {{method}} {{route}}': sumBy(
            'job, method, route',
            rate(`http_request_duration_seconds_count{${picked}}`),
          ),
        },
        alerts: ['RequestSpike'],
      },
      {
        title: 'Share of errors by route',
        says: 'Answers of 5xx among all. A route that nobody asks has no line.',
        unit: 'percentunit',
        thresholds: [0.01, 0.05],
        of: {
          '{{job}} {{route}}': share(sumBy('job, route', rate(failed)), sumBy('job, route', rate(asked))),
        },
        alerts: ['ApiErrorRateHigh'],
        traces: 'gateway',
      },
      {
        title: 'Duration by kind of process',
        says: 'Time to the end of the answer, without watches and logs, which are held until there is more.',
        unit: 's',
        thresholds: [0.5, 2],
        of: quantiles('http_request_duration_seconds', noWatches, [0.5, 0.95, 0.99], 'job'),
        alerts: ['ApiLatencyHigh'],
        traces: 'gateway',
      },
      {
        title: 'Slowest routes of gateways',
        says: 'The five routes with the largest 95th percentile.',
        unit: 's',
        thresholds: [0.5, 2],
        of: {
          '{{method}} {{route}}': `topk(5, ${routes95})`,
        },
        alerts: ['ApiLatencyHigh'],
        traces: 'gateway',
      },
      {
        title: 'Requests being served',
        says: 'Requests in flight by process.',
        unit: 'none',
        thresholds: [1000, 4000],
        of: { '{{instance}}': `http_requests_in_flight{${picked}}` },
        alerts: ['RequestsShed'],
      },
      {
        title: 'Bytes of bodies',
        says: 'Received and sent a second by kind of process.',
        unit: 'Bps',
        thresholds: 'any is right',
        of: {
          '{{job}} received': sumBy('job', rate(`http_request_body_bytes_total{${picked}}`)),
          '{{job}} sent': sumBy('job', rate(`http_response_body_bytes_total{${picked}}`)),
        },
      },
    ],
    'From gateways to nodes': [
      {
        title: 'Duration of hops, by node',
        says: 'From sending a request to a node to its whole answer. One slow node stands out.',
        unit: 's',
        thresholds: [0.25, 1],
        of: quantiles('gateway_hop_duration_seconds', picked, [0.5, 0.95], 'node'),
        alerts: ['CircuitOpen'],
        traces: 'gateway',
      },
      {
        title: 'Hops by outcome',
        says: 'Hops a second by node and outcome. All should be answered.',
        unit: 'ops',
        thresholds: 'any is right',
        of: {
          '{{node}} {{outcome}}': sumBy(
            'node, outcome',
            rate(`gateway_hop_duration_seconds_count{${picked}}`),
          ),
        },
        alerts: ['CircuitOpen'],
      },
      {
        title: 'Circuits',
        says: '0 closed: requests flow. 1 half-open: one is tried. 2 open: the node is sent nothing.',
        unit: 'none',
        thresholds: [1, 2],
        as: 'states',
        of: { '{{instance}} to {{node}}': `gateway_circuit_state{${picked}}` },
        alerts: ['CircuitOpen'],
      },
      {
        title: 'Operations sent again',
        says: 'A second. Nothing had been done, so it is safe. Common while a leader changes.',
        unit: 'ops',
        thresholds: [1, 20],
        of: {
          '{{operation}}': orZero(sumBy('operation', rate(`gateway_retried_operations_total{${picked}}`))),
        },
        alerts: ['CircuitOpen', 'ShardWithoutLeader'],
      },
    ],
    'Writes, reads, watches': [
      {
        title: 'Writes by level and result',
        says: 'Writes a second at the gateways, by the level that was asked for and what came of them.',
        unit: 'ops',
        thresholds: 'any is right',
        of: { 'ack={{ack}} {{result}}': sumBy('ack, result', rate(`gateway_writes_total{${picked}}`)) },
        alerts: ['ApiErrorRateHigh'],
      },
      {
        title: 'Time of writes at leaders, by level',
        says: 'From arrival at the leader to the answer: what each level of acknowledgement costs.',
        unit: 's',
        thresholds: [0.25, 2],
        of: quantiles('leader_write_duration_seconds', pickedShard, [0.5, 0.95], 'ack'),
        alerts: ['ApiLatencyHigh'],
        traces: 'store-node',
      },
      {
        title: 'Reads by level and result',
        says: 'Reads a second at the nodes. Refused as stale: the bound could not be kept, or nobody knew.',
        unit: 'ops',
        thresholds: 'any is right',
        of: { '{{level}} {{result}}': sumBy('level, result', rate(`reads_total{${picked}}`)) },
        alerts: ['ReplicationLagUnknown'],
      },
      {
        title: 'Watchers, and what they are sent',
        says: 'Watchers that are being served, changes a second, and watches that ended by reason.',
        unit: 'short',
        thresholds: [800, 1000],
        of: {
          'watchers of {{instance}}': `gateway_watchers{${picked}}`,
          'changes a second': orZero(`sum(${rate(`gateway_watch_events_total{${picked}}`)})`),
          'ended a second: {{reason}}': orZero(
            sumBy('reason', rate(`gateway_watches_ended_total{${picked}}`)),
          ),
        },
        alerts: ['RequestsShed'],
      },
    ],
  },
};
