import { type DumpRow, entryDigest, formatDigest, xorDigest, zeroDigest } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atOnePosition, compareDumps, differencesNamedMax, type ReplicaDump } from './compare.ts';

const row = (key: string, value = 'v', change: Partial<DumpRow> = {}): DumpRow => ({
  key,
  version: { epoch: 1, seq: 7 },
  tombstone: false,
  type: 'text/plain',
  expiresAt: null,
  value: Buffer.from(value).toString('base64'),
  ...change,
});

const byBytes = (a: DumpRow, b: DumpRow): number => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));

function dump(node: string, rows: readonly DumpRow[]): ReplicaDump {
  async function* iterate(): AsyncGenerator<DumpRow> {
    yield* rows;
  }
  const root = rows
    .map((r) => {
      const value = Buffer.from(r.value, 'base64');
      return entryDigest({ ...r, ...r.version, contentType: r.type, value });
    })
    .reduce(xorDigest, zeroDigest());
  const head = { node, shard: 0, position: { epoch: 1, seq: 9 }, root: formatDigest(root) };
  return { node, head, rows: iterate() };
}

describe('comparing dumps', () => {
  it('finds exactly the keys that differ, whatever the replicas hold', async () => {
    const rows = fc.uniqueArray(
      fc.record({
        key: fc.string({
          unit: fc.constantFrom('a', 'z', '\u{ffee}', '\u{1f600}'),
          minLength: 1,
          maxLength: 3,
        }),
        value: fc.constantFrom('', 'x'),
      }),
      { selector: ({ key }) => key, maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(rows, { minLength: 2, maxLength: 4 }), async (replicas) => {
        const maps = replicas.map((rows) => new Map(rows.map(({ key, value }) => [key, value])));
        const keys = new Set(maps.flatMap((map) => [...map.keys()]));
        const expected = [...keys].filter((key) => new Set(maps.map((map) => map.get(key))).size > 1);
        const sorted = replicas.map((rows) => rows.map(({ key, value }) => row(key, value)).sort(byBytes));
        const found = await compareDumps(sorted.map((rows, i) => dump(`node-${i}`, rows)));
        expect(found.keys).toBe(keys.size);
        expect(found.differing).toBe(expected.length);
        for (const { key } of found.differences) expect(expected).toContain(key);
        expect(found.differences).toHaveLength(Math.min(expected.length, differencesNamedMax));
        for (const { keptRoot, rowsRoot } of found.replicas) expect(rowsRoot).toBe(keptRoot);
      }),
    );
  });

  it.each([
    ['value', row('k', 'w')],
    ['version', row('k', 'v', { version: { epoch: 2, seq: 7 } })],
    ['tombstone', row('k', 'v', { tombstone: true })],
    ['type', row('k', 'v', { type: 'text/html' })],
    ['expiry', row('k', 'v', { expiresAt: 1 })],
  ])('sees a difference in the %s alone', async (_field, other) => {
    const found = await compareDumps([dump('a', [row('k')]), dump('b', [other])]);
    expect(found.differing).toBe(1);
    expect(found.replicas[0]?.rowsRoot).not.toBe(found.replicas[1]?.rowsRoot);
  });

  it('does not believe a root that the rows do not have', async () => {
    const liar = dump('a', [row('k')]);
    liar.head.root = formatDigest(zeroDigest());
    const { replicas, differing } = await compareDumps([liar, dump('b', [row('k')])]);
    expect(differing).toBe(0);
    expect(replicas[0]?.rowsRoot).not.toBe(replicas[0]?.keptRoot);
    expect(replicas[1]?.rowsRoot).toBe(replicas[1]?.keptRoot);
  });

  it('refuses a dump that is not in key order', async () => {
    const run = compareDumps([dump('a', [row('b'), row('a')]), dump('b', [])]);
    await expect(run).rejects.toThrow('a does not send its rows in key order');
  });

  it('is about one position only', () => {
    const { head } = dump('a', []);
    expect(atOnePosition([head, { ...head, node: 'b' }])).toBe(true);
    expect(atOnePosition([head, { ...head, position: { epoch: 1, seq: 8 } }])).toBe(false);
    expect(atOnePosition([head, { ...head, position: { epoch: 2, seq: 9 } }])).toBe(false);
  });
});
