/** The boards as Grafana is given them: nothing is without words, a unit, thresholds or a way to read on. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { alerts, filesOf, read, root } from './alert-files.ts';

const link = z.object({ title: z.string().min(3), url: z.string() });
const prometheus = z.strictObject({
  type: z.literal('prometheus'),
  uid: z.string().regex(/^\$\{datasource\}$/),
});
const panelSchema = z.object({
  id: z.number(),
  type: z.enum(['timeseries', 'stat', 'state-timeline']),
  title: z.string().min(3),
  description: z.string().min(10),
  datasource: prometheus,
  links: z.array(link),
  targets: z.array(z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string().min(1) })).min(1),
  fieldConfig: z.object({
    defaults: z.object({ unit: z.string(), thresholds: z.object({ steps: z.array(z.unknown()).min(1) }) }),
  }),
});
const boardSchema = z.object({
  uid: z.string(),
  title: z.string(),
  description: z.string().min(20),
  panels: z.array(z.union([z.object({ type: z.literal('row'), id: z.number() }), panelSchema])),
  templating: z.object({ list: z.array(z.object({ name: z.string() })) }),
  annotations: z.object({ list: z.array(z.object({ name: z.string(), expr: z.string() })) }),
});

const boards = filesOf('dashboards/json/*.json').map((file) => {
  const { panels, ...board } = boardSchema.parse(JSON.parse(read(file)));
  return {
    file,
    ...board,
    ids: panels.map(({ id }) => id),
    panels: panels.filter((one) => one.type !== 'row'),
  };
});

it('all boards are there', () => {
  expect(boards.map(({ uid }) => uid.replace('driftless-', ''))).toEqual([
    'anti-entropy',
    'delivery',
    'lag',
    'load',
    'nats',
    'nodes',
    'overview',
    'resilience',
    'services',
  ]);
});

it('an alert leads to a board that is there', () => {
  const addresses = boards.map(({ uid }) => `{{ $externalLabels.grafana }}/d/${uid}`);
  expect(alerts.filter(({ annotations }) => !addresses.includes(annotations.dashboard))).toEqual([]);
});

it('every alert stands on a board', () => {
  const linked = boards.flatMap(({ panels }) => panels.flatMap(({ links }) => links.map(({ url }) => url)));
  const pages = new Set(linked.map((url) => basename(url, '.md')));
  expect(alerts.filter(({ alert }) => !pages.has(alert)).map(({ alert }) => alert)).toEqual([]);
});

describe.each(boards)('$title', ({ file, uid, panels, ids, templating, annotations }) => {
  it('has its file, its variables, and its marks', () => {
    expect(basename(file, '.json')).toBe(uid.replace('driftless-', ''));
    expect(templating.list.map(({ name }) => name)).toEqual([
      'datasource',
      'job',
      'instance',
      'shard',
      'docs',
    ]);
    expect(annotations.list.length).toBeGreaterThan(3);
  });

  it('has each panel once, and each query of a panel', () => {
    expect(new Set(ids).size).toBe(ids.length);
    const titles = panels.map(({ title }) => title);
    expect(titles).toEqual([...new Set(titles)]);
    for (const { title, targets } of panels) {
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
    }
  });

  it('takes rates over a range that holds enough scrapes', () => {
    const fixed = panels.flatMap(({ title, targets }) =>
      targets.filter(({ expr }) => /\brate\([^[]*\[(?!\$__rate_interval\])/.test(expr)).map(() => title),
    );
    expect(fixed).toEqual([]);
  });

  it('leads to runbooks and traces that are there', () => {
    const links = panels.flatMap((panel) => panel.links.map(({ url }) => url));
    const pages = links.flatMap((url) => /^\$\{docs\}\/(.+)$/.exec(url)?.[1] ?? []);
    expect(pages.filter((page) => !existsSync(join(root, 'docs', page)))).toEqual([]);
    const others = links.filter((url) => !/^\$\{docs\}/.test(url));
    expect(others.filter((url) => !url.startsWith('/explore?') || !url.includes('tempo'))).toEqual([]);
  });
});
