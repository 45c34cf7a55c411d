/** What alerts and boards read is there: told by a process of ours, an exporter, or a recording rule. */
import { describe, expect, it } from 'vitest';
import { alerts, filesOf, read, recordings } from './alert-files.ts';
import { exporters } from './exporters.ts';
import { metricsIn, withoutSuffix } from './promql.ts';

const described = [...read('docs/metrics.md').matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name ?? '');
const foreign = Object.values(exporters).flat();
const known = new Set([...described, ...foreign, ...recordings.map(({ record }) => record)]);

interface Board {
  panels: { title: string; targets?: { expr: string }[] }[];
  annotations: { list: { name: string; expr: string }[] };
}
const onBoards = filesOf('dashboards/json/*.json').flatMap((file) => {
  const { panels, annotations } = JSON.parse(read(file)) as Board;
  const marks = annotations.list.map(({ name, expr }) => ({ where: `${file}, ${name}`, expr }));
  return [
    ...panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ where: `${file}, ${title}`, expr })),
    ),
    ...marks,
  ];
});
const inRules = [
  ...alerts.map(({ alert, expr }) => ({ where: alert, expr })),
  ...recordings.map(({ record, expr }) => ({ where: record, expr })),
];
const all = [...inRules, ...onBoards];

it('the metrics of processes are read', () => {
  expect(described.length).toBeGreaterThan(80);
});

describe('every metric', () => {
  it('of an alert, a recording rule or a board is known', () => {
    const unknown = all.flatMap(({ where, expr }) =>
      metricsIn(expr)
        .filter((name) => !known.has(name) && !known.has(withoutSuffix(name)))
        .map((name) => `${where}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it('of an exporter that is listed is read somewhere', () => {
    const used = new Set(all.flatMap(({ expr }) => metricsIn(expr)));
    expect(foreign.filter((name) => !used.has(name))).toEqual([]);
  });
});
