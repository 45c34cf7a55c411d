import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blocksOf } from '../measure/blocks.ts';
import { writeRun } from '../report/write.ts';
import { base, type Load } from '../scenarios.ts';
import { closedAxes, closedAxisNames, keyPoints, loadAt, loadsOf, whats } from './axes.ts';
import { exampleRun } from './example.ts';
import { closedPoints, deliveryMicros } from './figures.ts';
import { pageOf } from './page.ts';
import { plotsOf } from './plots.ts';

describe('the axes', () => {
  const fields: Record<(typeof closedAxisNames)[number], readonly (keyof Load)[]> = {
    value: ['valueBytes', 'keys'],
    shards: ['on'],
    replicas: ['on'],
    gateways: ['on'],
  };

  it.each(closedAxisNames)('%s varies nothing else', (axis) => {
    const free: (keyof Load)[] = ['name', 'what', ...fields[axis]];
    for (const what of whats) {
      for (const x of closedAxes[axis].points) {
        const load = loadAt(axis, x, what);
        const differing = (Object.keys(base) as (keyof typeof base)[]).filter(
          (field) => JSON.stringify(load[field]) !== JSON.stringify(base[field]),
        );
        expect(differing.filter((field) => !free.includes(field))).toEqual([]);
      }
    }
  });

  it('measure each load once, on a cluster for each shape', () => {
    const loads = loadsOf(closedAxisNames);
    expect(new Set(loads.map(({ name }) => name)).size).toBe(loads.length);
    const shapes = loads.map(({ name: _, ...shape }) => JSON.stringify(shape));
    expect(new Set(shapes).size).toBe(loads.length);
    // The base is a point of three of them.
    expect(loads.filter(({ name }) => name === 'put' || name === 'get')).toHaveLength(2);
    // Of shards, replicas and gateways: all points but that one, and it.
    expect(blocksOf(loads)).toHaveLength(3 + 2 + 2 + 1);
  });

  it('have ten million keys in a full run only', () => {
    expect([keyPoints('quick'), keyPoints('usual'), keyPoints('full')].map((keys) => keys.at(-1))).toEqual([
      1e5, 1e6, 1e7,
    ]);
  });
});

describe('the figures', () => {
  it('charge a delivery with what the gateway takes beyond the writes', () => {
    const { watchers } = exampleRun();
    expect(watchers.map((point) => deliveryMicros(point, watchers))).toEqual([undefined, 30, 30]);
    const without = watchers.filter((point) => point.watchers > 0);
    expect(without.map((point) => deliveryMicros(point, without))).toEqual([undefined, undefined]);
  });

  it('have the base as a point of an axis only where that was asked for', () => {
    const run = { ...exampleRun(['shards']), only: ['shards'] };
    expect(closedPoints(run, 'shards').map(({ x }) => x)).toEqual([1, 4, 16, 64]);
    expect(closedPoints(run, 'replicas')).toEqual([]);
  });
});

describe('the page', () => {
  const run = exampleRun();
  const page = pageOf(run, 'cost-curves', new Set(plotsOf(run).keys()));

  it('has a section for each axis, a row for each point', () => {
    const sections = [...page.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    const closed = ['Size of values', 'Shards', 'Replicas', 'Gateways'];
    expect(sections).toEqual([...closed, 'Keys', 'Watchers', 'A new replica']);
    expect(page).toMatch(/\| 102,400 \| 200 +\| 0.20 \(0.10–0.30\) +\| 3.0 +\| 20 +\| 200 +\| 200 +\|/);
    expect(page).toContain('Shards: from 1 to 64, by how much each is multiplied: PUTs a second 1.00;');
  });

  it('tells what is written for a byte, what a key takes, and what a delivery costs', () => {
    expect(page).toContain('2.0 at 100, 0.2 at 1,024');
    expect(page).toMatch(/\| 100,000 +\| 20,000 +\| 29 +\| 300 +\| 19 +\| 200 +\|/);
    expect(page).toMatch(/\| 100,000 +\| 110 \(100\) +\|/);
    expect(page).toMatch(/\| 1 +\| 100 +\| all +\|/);
    expect(page).toMatch(/\| 100 +\| 10,000 +\| all but 1 .*\| 30 +\| 0.10 +\|/);
    expect(page).toMatch(/\| 100,000 +\| 2.00 +\| 50,000 +\|/);
  });

  it('does without what the system does not tell', () => {
    const bare = exampleRun();
    for (const { rounds } of bare.measured) {
      for (const { sample } of rounds) {
        delete sample.cpuMicrosEach;
        delete sample.writtenBytesEach;
      }
    }
    for (const size of bare.sizes) delete size.memory;
    for (const point of bare.watchers) delete point.cpuMicros;
    const plots = plotsOf(bare);
    expect([...plots.keys()]).toEqual(['value.svg', 'keys.svg', 'watchers.svg', 'bootstrap.svg']);
    const text = pageOf(bare, 'cost-curves', new Set(plots.keys()));
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
    expect(text).not.toContain('by process');
  });

  it('is written with the plots that it names, and with figures that it can be made of again', () => {
    const directory = mkdtempSync(join(tmpdir(), 'driftless-curves-'));
    try {
      const text = readFileSync(writeRun({ name: 'cost-curves', plotsOf, pageOf }, run, directory), 'utf8');
      const named = [...text.matchAll(/\(cost-curves\/(.*\.svg)\)/g)].map(([, name]) => name as string);
      const files = readdirSync(join(directory, 'cost-curves'));
      expect(named).toHaveLength(8);
      expect([...named, 'run.json'].sort()).toEqual(files.sort());
      const kept = JSON.parse(readFileSync(join(directory, 'cost-curves/run.json'), 'utf8'));
      expect(kept).toEqual(run);
      expect(text).not.toMatch(/NaN|undefined|Infinity/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
