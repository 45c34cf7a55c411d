/** Where processes send their traces. */
import { describe, expect, it } from 'vitest';
import { helmIsThere, render } from './chart.ts';

const processes: [kind: string, name: string][] = [
  ['StatefulSet', 'driftless-node'],
  ['Deployment', 'driftless-gateway'],
  ['Deployment', 'driftless-anti-entropy'],
];

describe.skipIf(!helmIsThere)('traces', () => {
  const endpoints = (values: object): (string | undefined)[] =>
    processes.map(([kind, name]) => render(values).env(kind, name).OTEL_EXPORTER_OTLP_ENDPOINT);

  it('go to the collector that the chart brings', () => {
    const collector = 'http://driftless-otel-collector:4318';
    expect(endpoints({})).toEqual([collector, collector, collector]);
    expect(render().has('Service', 'driftless-otel-collector')).toBe(true);
  });

  it('go nowhere where it brings none', () => {
    expect(endpoints({ observability: { mode: 'none' } })).toEqual([undefined, undefined, undefined]);
  });
});
