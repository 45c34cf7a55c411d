/**
 * The chart, read: that its links lead to the one copy of what it shares with the Compose stack, that it
 * names the same images, and sets no variable that nobody reads. That it renders is tried in helm/test.
 */
import { globSync, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { compose, read, root } from './compose-files.ts';

const chart = 'helm/driftless';
const values = parse(read(`${chart}/values.yaml`)) as {
  image: { repository: string };
  nats: { image: { repository: string; tag: string } };
  observability: Record<string, { image?: string }>;
};
const imageOf = (service: string): string | undefined => compose.services[service]?.image;

describe('the chart', () => {
  it('links to the rules, boards and configurations of the repository, and has no copies', () => {
    const names = readdirSync(join(root, chart, 'files'));
    const links = names.map((name) => {
      const path = join(root, chart, 'files', name);
      return [name, lstatSync(path).isSymbolicLink(), relative(root, realpathSync(path))];
    });
    expect(links.sort()).toEqual([
      ['alerts', true, 'alerts'],
      ['dashboards', true, 'dashboards/json'],
      ['grafana', true, 'compose/grafana/provisioning'],
      ['otel-collector.yaml', true, 'compose/otel-collector.yaml'],
      ['tempo.yaml', true, 'compose/tempo.yaml'],
    ]);
  });

  it('has the images of the Compose stack', () => {
    const { nats, observability } = values;
    expect(`${nats.image.repository}:${nats.image.tag}`).toBe(imageOf('nats-1'));
    const { natsExporter, collector, ...others } = Object.fromEntries(
      Object.entries(observability).flatMap(([part, { image }]) => (image ? [[part, image]] : [])),
    );
    expect(natsExporter).toBe(imageOf('nats-exporter'));
    expect(collector).toBe(imageOf('otel-collector'));
    for (const [part, image] of Object.entries(others)) expect(image, part).toBe(imageOf(part));
    expect(Object.keys(others).sort()).toEqual(['alertmanager', 'grafana', 'prometheus', 'tempo']);
  });

  it('has the version of package.json', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect((parse(read(`${chart}/Chart.yaml`)) as { appVersion: string }).appVersion).toBe(version);
    expect(read('Dockerfile')).toContain(`VERSION=${version}\n`);
  });

  it('sets no variable that no process reads', () => {
    const known = [...read('docs/configuration.md').matchAll(/`(DRIFTLESS_\w+)`/g)].map(([, name]) => name);
    const templates = globSync(`${chart}/templates/**/*.{yaml,tpl}`, { cwd: root });
    const set = templates.flatMap((file) =>
      [...read(file).matchAll(/name: (DRIFTLESS_\w+)/g)].map(([, name]) => name),
    );
    expect(new Set(set).size).toBeGreaterThan(8);
    expect(set.filter((name) => !known.includes(name))).toEqual([]);
  });
});
