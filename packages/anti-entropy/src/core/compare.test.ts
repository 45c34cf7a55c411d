import { bucketCount, type Digest, hash128, zeroDigest } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareTrees, type FetchNodes } from './compare.ts';
import { LeafDigests } from './leaf-digests.ts';
import { childrenOf, hashChildren, leafLevel, merkleRoot, node, nodesOn } from './merkle.ts';

const bucket = fc.integer({ min: 0, max: bucketCount - 1 });
const digest = fc.uint8Array({ minLength: 16, maxLength: 16 });
const leavesOf = (changes: readonly (readonly [number, Digest])[]): LeafDigests => {
  const leaves = new LeafDigests();
  for (const [bucket, digest] of changes) leaves.xor(bucket, digest);
  return leaves;
};
const fetchFrom = (leaves: LeafDigests): FetchNodes => {
  return async (level, indexes) => indexes.map((index) => node(leaves, level, index));
};

describe('the tree', () => {
  it('has 1, 16, 256 and 4096 nodes', () => {
    expect([0, 1, 2, 3].map(nodesOn)).toEqual([1, 16, 256, 4096]);
    expect(leafLevel).toBe(3);
    expect(childrenOf(15)).toEqual(Array.from({ length: 16 }, (_, i) => 240 + i));
    expect(() => nodesOn(4)).toThrow(RangeError);
    expect(() => node(new LeafDigests(), 1, 16)).toThrow(RangeError);
  });

  it('has as inner node the hash of its children, built here bottom-up by hand', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(bucket, digest), { maxLength: 50 }), (changes) => {
        const leaves = leavesOf(changes);
        let level = Array.from({ length: bucketCount }, (_, i) => leaves.get(i));
        while (level.length > 1) {
          const below = level;
          level = Array.from({ length: below.length / 16 }, (_, i) =>
            hash128(Buffer.concat(below.slice(i * 16, i * 16 + 16))),
          );
        }
        expect(merkleRoot(leaves)).toEqual(level[0]);
      }),
      { numRuns: 20 },
    );
    expect(() => hashChildren([zeroDigest()])).toThrow(RangeError);
  });

  it('tells two swapped leaves apart, which the XOR root does not', () => {
    const [a, b] = [hash128(Buffer.from('a')), hash128(Buffer.from('b'))];
    const left = leavesOf([
      [0, a],
      [1, b],
    ]);
    const right = leavesOf([
      [0, b],
      [1, a],
    ]);
    expect(left.root()).toEqual(right.root());
    expect(merkleRoot(left)).not.toEqual(merkleRoot(right));
  });
});

describe('comparing', () => {
  it('finds exactly the buckets that a look at every leaf finds', async () => {
    const changes = fc.array(fc.tuple(bucket, digest), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(changes, changes, changes, async (common, mine, yours) => {
        const ours = leavesOf([...common, ...mine]);
        const theirs = leavesOf([...common, ...yours]);
        const expected = Array.from({ length: bucketCount }, (_, i) => i).filter(
          (i) => Buffer.compare(ours.get(i), theirs.get(i)) !== 0,
        );
        const found = await compareTrees(ours, fetchFrom(theirs));
        if (expected.length === 0) expect(found.outcome).toBe('equal');
        else expect(found).toMatchObject({ outcome: 'different', buckets: expected });
      }),
      { numRuns: 60 },
    );
  });

  it('asks for one node when equal, and for one path when one bucket differs', async () => {
    const ours = leavesOf([[7, hash128(Buffer.from('x'))]]);
    expect(await compareTrees(ours, fetchFrom(ours.clone()))).toEqual({ outcome: 'equal', nodesFetched: 1 });
    const found = await compareTrees(ours, fetchFrom(new LeafDigests()));
    expect(found).toEqual({ outcome: 'different', buckets: [7], nodesFetched: 1 + 3 * 16 });
  });

  it('says "not comparable" when the other tree moves between two questions', async () => {
    const theirs = leavesOf([[100, hash128(Buffer.from('x'))]]);
    for (const movesAfter of [0, 1, 2]) {
      const moving: FetchNodes = async (level, indexes) => {
        const nodes = await fetchFrom(theirs)(level, indexes);
        if (level === movesAfter) theirs.xor(100, hash128(Buffer.from(`move ${level}`)));
        return nodes;
      };
      const found = await compareTrees(new LeafDigests(), moving);
      expect(found).toMatchObject({ outcome: 'not-comparable', reason: expect.stringContaining('changed') });
    }
  });

  it('says "not comparable" to answers that are not what was asked for', async () => {
    const short = await compareTrees(new LeafDigests(), async () => []);
    expect(short).toMatchObject({ outcome: 'not-comparable', nodesFetched: 0 });
    const stub = await compareTrees(new LeafDigests(), async () => [new Uint8Array(3)]);
    expect(stub.outcome).toBe('not-comparable');
  });

  it('passes a failing transport on', async () => {
    const broken: FetchNodes = async () => {
      throw new Error('no route');
    };
    await expect(compareTrees(new LeafDigests(), broken)).rejects.toThrow('no route');
  });
});
