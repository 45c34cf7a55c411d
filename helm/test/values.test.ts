/** What values must not be, and that whoever writes them is told where and why; and that helm is content. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cases } from '../src/cases.ts';
import { chart, helm, helmIsThere, objectsOf, Rendered, render, root, template } from './chart.ts';

const refused: [says: string, values: object, told: string[]][] = [
  ['a value that there is not', { node: { replicas: 3 } }, ["additional properties 'node' not allowed"]],
  ['one further down', { nats: { image: { tagg: '1' } } }, ['/nats/image', 'tagg']],
  ['text for a number', { nodes: { replicas: '3' } }, ['/nodes/replicas', 'got string, want integer']],
  ['no nodes', { nodes: { replicas: 0 } }, ['/nodes/replicas', 'got 0, want 1']],
  ['too many shards', { cluster: { shards: 1025 } }, ['/cluster/shards', 'want 1,024']],
  ['a name that NATS cannot have', { cluster: { name: 'My Cluster' } }, ['/cluster/name', 'does not match']],
  ['an unknown mode', { observability: { mode: 'full' } }, ['/observability/mode', "'bundled', 'operator'"]],
  ['two NATS servers', { nats: { replicas: 2 } }, ['/nats/replicas', '1, 3, 5']],
  ['half a percent too much', { istio: { faults: { errorPercent: 100.5 } } }, ['/istio/faults/errorPercent']],
  [
    'a variable that is no text',
    { nodes: { env: { DRIFTLESS_SHARDS: 8 } } },
    ['/nodes/env/DRIFTLESS_SHARDS'],
  ],
  ['an amount that is none', { nodes: { storage: { size: 'big' } } }, ['/nodes/storage/size']],
  ['a secret in the open', { nats: { password: 'x' } }, ["additional properties 'password' not allowed"]],
];

describe.skipIf(!helmIsThere)('values', () => {
  it.each(refused)('are refused: %s', (_, values, told) => {
    const { status, stderr } = template(values);
    expect(status).not.toBe(0);
    for (const text of told) expect(stderr).toContain(text);
  });

  it.each(Object.keys(cases))('pass the strict linter: %s', (name) => {
    const { status, stdout, stderr } = helm(['lint', '--strict', chart], cases[name]);
    expect(status, stdout + stderr).toBe(0);
  });
});

describe.skipIf(!helmIsThere)('the manifests for k3s', () => {
  it('are what the chart says', () => {
    const script = join(root, 'helm/src/k3s.ts');
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
  });
});

describe.skipIf(!helmIsThere)('the packaged chart', () => {
  const dir = mkdtempSync(join(tmpdir(), 'driftless-chart-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  it('holds all that links lead to: it renders the same without the repository', () => {
    expect(helm(['package', chart, '--destination', dir]).status).toBe(0);
    const { status, stdout, stderr } = helm([
      'template',
      'driftless',
      join(dir, 'driftless-0.1.0.tgz'),
      '--namespace',
      'store',
    ]);
    expect(status, stderr).toBe(0);
    expect(new Rendered(objectsOf(stdout)).all).toEqual(render().all);
  });
});
