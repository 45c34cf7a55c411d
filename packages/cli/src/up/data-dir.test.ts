import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foundingMembers, type MemberList, withStarted, withState } from '@driftless/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settleShape } from './data-dir.ts';
import { type Layout, layoutOf, upOptionsSchema } from './options.ts';
import { planCluster } from './plan.ts';

let layout: Layout;
beforeEach(() => {
  layout = layoutOf(mkdtempSync(join(tmpdir(), 'driftless-shape-')));
});
afterEach(() => rmSync(layout.root, { recursive: true }));

/** A node whose data is here has kept this list. */
function kept(node: string, members: MemberList): void {
  mkdirSync(join(layout.nodes, node), { recursive: true });
  writeFileSync(join(layout.nodes, node, 'members.json'), JSON.stringify({ format: 1, members }));
}
const five = ['node-4', 'node-5'].reduce(withStarted, foundingMembers(['node-1', 'node-2', 'node-3']));
const without = (...nodes: string[]): MemberList =>
  nodes.reduce((list, node) => withState(list, node, 'left'), five);

describe('the shape of a cluster', () => {
  it('is made once, and grows by nodes that are not of its founders', () => {
    expect(settleShape(layout, { nodes: 3 })).toEqual({ nodes: [1, 2, 3], founders: 3, shards: 4 });
    const grown = settleShape(layout, { nodes: 5 });
    expect(grown).toEqual({ nodes: [1, 2, 3, 4, 5], founders: 3, shards: 4 });
    expect(settleShape(layout, {})).toEqual(grown);
    const options = upOptionsSchema.parse({});
    const input = { options, shape: grown, layout, natsUrl: 'nats://x', natsServer: undefined, env: {} };
    const { nodes } = planCluster(input);
    expect(nodes.map(({ name, env }) => [name, env?.DRIFTLESS_PORT])).toEqual(
      [1, 2, 3, 4, 5].map((number) => [`node-${number}`, String(7100 + number)]),
    );
    for (const { env } of nodes) expect(env?.DRIFTLESS_MEMBERS).toBe('node-1,node-2,node-3');
  });

  it('shrinks only by nodes that have left', () => {
    settleShape(layout, { nodes: 3 });
    settleShape(layout, { nodes: 5 });
    kept('node-1', five);
    expect(() => settleShape(layout, { nodes: 3 })).toThrow('node-4 in');
    kept('node-2', without('node-4'));
    expect(() => settleShape(layout, { nodes: 3 })).toThrow('node-5 in');
    kept('node-2', without('node-4', 'node-5'));
    expect(settleShape(layout, { nodes: 3 }).nodes).toEqual([1, 2, 3]);
    expect(settleShape(layout, {}).nodes).toEqual([1, 2, 3]);
  });

  it('leaves out who has left, unless it is asked for', () => {
    settleShape(layout, { nodes: 5 });
    kept('node-3', without('node-2'));
    expect(settleShape(layout, {}).nodes).toEqual([1, 3, 4, 5]);
    expect(settleShape(layout, { nodes: 5 }).nodes).toEqual([1, 2, 3, 4, 5]);
  });

  it('has the shards that it was made with', () => {
    settleShape(layout, { nodes: 3, shards: 8 });
    expect(settleShape(layout, { shards: 8 }).shards).toBe(8);
    expect(() => settleShape(layout, { shards: 4 })).toThrow('was made with 8 shards, not 4');
  });
});
