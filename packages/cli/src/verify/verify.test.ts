import { type DumpRow, entryDigest, formatDigest, type ScrubAnswer } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { overall, renderVerdicts } from './render.ts';
import { type OpenedDump, type VerifyPorts, verifyShard } from './verify.ts';

const replicas = ['a', 'b', 'c'].map((node) => ({ node, url: `http://${node}` }));
const row = (value: string): DumpRow => ({
  key: 'k',
  version: { epoch: 1, seq: 1 },
  tombstone: false,
  type: '',
  expiresAt: null,
  value: Buffer.from(value).toString('base64'),
});
const rootOf = (value: string): string =>
  formatDigest(entryDigest({ ...row(value), epoch: 1, seq: 1, contentType: '', value: Buffer.from(value) }));

interface State {
  seq: number;
  value: string;
  root: string;
  sound: boolean;
}

/** Three nodes in memory; `before` may change them before each dump. */
class FakeNodes implements VerifyPorts {
  readonly nodes = new Map<string, State>();
  opened = 0;
  closed = 0;
  before: (node: string, attempt: number) => void = () => {};
  #now = 0;
  constructor() {
    for (const { url } of replicas)
      this.nodes.set(url, { seq: 5, value: 'v', root: rootOf('v'), sound: true });
  }
  at(node: string): State {
    return this.nodes.get(`http://${node}`) as State;
  }
  async openDump(url: string, shard: number): Promise<OpenedDump> {
    const node = url.replace('http://', '');
    this.before(node, Math.floor(this.opened++ / replicas.length));
    const { seq, root, value } = this.at(node);
    async function* rows(): AsyncGenerator<DumpRow> {
      yield row(value);
    }
    const head = { node, shard, position: { epoch: 1, seq }, root };
    return { head, rows: rows(), close: () => void this.closed++ };
  }
  async scrub(url: string, shard: number): Promise<ScrubAnswer> {
    const { sound, root } = this.nodes.get(url) as State;
    const roots = { keptRoot: root, rowsRoot: root, leavesRoot: root };
    const corruptKeys = sound ? [] : ['k'];
    return { node: url, shard, position: { epoch: 1, seq: 5 }, entries: 1, ...roots, corruptKeys, sound };
  }
  async wait(ms: number): Promise<void> {
    this.#now += ms;
  }
  now(): number {
    return this.#now;
  }
}
const verify = (nodes: FakeNodes) => verifyShard(0, replicas, 1000, nodes);
const plain = (_style: unknown, text: string): string => text;

describe('the verdict on a shard', () => {
  it('is equal when rows, roots and scrubs agree', async () => {
    const nodes = new FakeNodes();
    const verdict = await verify(nodes);
    expect(verdict).toMatchObject({ outcome: 'equal', keys: 1, differing: 0 });
    expect(nodes.closed).toBe(nodes.opened);
  });

  it('waits for equal positions while writes flow', async () => {
    const nodes = new FakeNodes();
    nodes.before = (node, attempt) => {
      nodes.at(node).seq = attempt < 3 && node === 'b' ? 4 : 5;
    };
    expect(await verify(nodes)).toMatchObject({ outcome: 'equal' });
    expect(nodes.opened).toBe(12);
    expect(nodes.closed).toBe(12);
  });

  it('is "not comparable" when positions never meet, even though the rows would be equal', async () => {
    const nodes = new FakeNodes();
    nodes.at('b').seq = 4;
    const verdict = await verify(nodes);
    expect(verdict).toMatchObject({
      outcome: 'not comparable',
      reason: expect.stringContaining('positions'),
    });
    expect(verdict.replicas.map(({ position }) => position)).toEqual(['1-5', '1-4', '1-5']);
  });

  it('is "not comparable" when a replica does not answer, and says which and why', async () => {
    const nodes = new FakeNodes();
    nodes.before = (node) => {
      if (node === 'c') throw Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
    };
    const verdict = await verify(nodes);
    expect(verdict.outcome).toBe('not comparable');
    expect(verdict.replicas[2]?.problem).toBe('cannot reach http://c (ECONNREFUSED)');
    expect(nodes.closed).toBe((nodes.opened * 2) / 3);
  });

  it('is different, with the key named, when a row differs', async () => {
    const nodes = new FakeNodes();
    Object.assign(nodes.at('b'), { value: 'w', root: rootOf('w') });
    const verdict = await verify(nodes);
    expect(verdict).toMatchObject({ outcome: 'different', differing: 1 });
    const text = renderVerdicts([verdict], plain).join('\n');
    expect(text).toMatch(/key k\n +a holds 1 bytes at 1-1 .*\n +b holds 1 bytes at 1-1/);
  });

  it.each([
    ['a root that its rows do not have', { root: rootOf('other') }, /do not have the root/],
    ['a scrub that found damage', { sound: false }, /scrub found damage/],
  ])('is different when one replica has %s, though all rows are equal', async (_what, change, reason) => {
    const nodes = new FakeNodes();
    Object.assign(nodes.at('b'), change);
    expect(await verify(nodes)).toMatchObject({
      outcome: 'different',
      reason: expect.stringMatching(reason),
    });
  });

  it('is not passed off as equal when a scrub could not be done', async () => {
    const nodes = new FakeNodes();
    nodes.scrub = async () => {
      throw new Error('no');
    };
    expect(await verify(nodes)).toMatchObject({ outcome: 'not comparable' });
  });
});

it('the whole is its worst shard, and nothing at all is not equal', async () => {
  const equal = await verify(new FakeNodes());
  expect(overall([equal])).toBe('equal');
  expect(overall([equal, { ...equal, outcome: 'not comparable' }])).toBe('not comparable');
  expect(
    overall([
      { ...equal, outcome: 'not comparable' },
      { ...equal, outcome: 'different' },
    ]),
  ).toBe('different');
  expect(overall([])).toBe('not comparable');
});
