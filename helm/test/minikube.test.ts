/** docs/minikube.md: what its commands name is in the chart, as helm renders it with the default values. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { helmIsThere, render, root } from './chart.ts';

const page = readFileSync(join(root, 'docs/minikube.md'), 'utf8');
/** Lines of its shell blocks, with continuations joined. */
const commands = [...page.matchAll(/^```sh\n(.*?)^```$/gms)]
  .flatMap(([, block = '']) => block.replaceAll(/\\\n\s*/g, ' ').split('\n'))
  .map((line) => line.trim())
  .filter((line) => line !== '');

describe('docs/minikube.md', () => {
  it('installs the image that the chart asks for', () => {
    const { appVersion } = parse(readFileSync(join(root, 'helm/driftless/Chart.yaml'), 'utf8'));
    expect(commands).toContain(`minikube image load driftless:${appVersion}`);
    expect(commands).toContain(`docker build --tag driftless:${appVersion} .`);
  });

  it('sets values that the chart has', () => {
    const values = parse(readFileSync(join(root, 'helm/driftless/values.yaml'), 'utf8'));
    const set = commands.flatMap((line) => [...line.matchAll(/--set(?:-string)? ([\w.]+)=/g)]);
    expect(set.length).toBeGreaterThan(0);
    for (const [, path = ''] of set) {
      // What stands below a map of text is the reader's: its parent is looked for.
      const parents = path.split('.').slice(0, -1);
      const found = parents.reduce((object, key) => object?.[key], values);
      expect(found, path).toBeTypeOf('object');
    }
  });
});

describe.skipIf(!helmIsThere)('docs/minikube.md, beside what helm renders', () => {
  it('forwards to services, and runs in deployments, that are there', () => {
    const named = commands.flatMap((line) => [
      ...line.matchAll(/(service|deployment)\/([a-z-]+)(?: \d+:(\d+))?/g),
    ]);
    expect(new Set(named.map(([, kind]) => kind))).toEqual(new Set(['service', 'deployment']));
    for (const [, kind, name = '', port] of named) {
      const { spec } = render().get(kind === 'service' ? 'Service' : 'Deployment', name);
      if (kind !== 'service') continue;
      const ports = spec.ports.map((one: { port: number }) => one.port);
      expect(ports, name).toContain(Number(port));
    }
  });

  it('tells of pods that there will be', () => {
    const pods = [...page.matchAll(/`(driftless-[a-z]+(?:-[a-z]+)*)(-\d)?`/g)];
    expect(pods.length).toBeGreaterThan(8);
    for (const [, name = '', ordinal] of pods) {
      const kinds = ordinal === undefined ? ['Deployment', 'StatefulSet'] : ['StatefulSet'];
      expect(
        kinds.some((kind) => render().has(kind, name)),
        name,
      ).toBe(true);
    }
  });

  it('opens a board that the chart brings', () => {
    const [, uid] = /127\.0\.0\.1:3000\/d\/([a-z-]+)/.exec(page) ?? [];
    const boards = render()
      .ofKind('ConfigMap')
      .flatMap(({ data = {} }) => Object.values(data as Record<string, string>));
    const board = boards.find((text) => text.includes(`"uid": "${uid}"`)) ?? '';
    const panels = ['Lag', 'From a put to each replica', 'Operations applied by followers'];
    for (const title of panels) {
      expect(page.replaceAll('\n', ' ')).toContain(`**${title}**`);
      expect(board).toContain(`"title": "${title}"`);
    }
  });
});
