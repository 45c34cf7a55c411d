import { bucketOf, formatPosition } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { exchange, exchangeLimits } from './exchange.ts';
import { rowOf } from './testing/history.ts';
import { asPeer, type MemoryReplica } from './testing/replica.ts';
import { diff, heal, keys, limits, Scene } from './testing/scene.ts';
import type { Dice } from './testing/world.ts';

/** Nothing is left to chance, and the world stands still while they ask. */
const still: Dice = { below: (count) => count - 1 };

/** Both have every key; nothing else happens. */
function filled(): Scene {
  const scene = new Scene(still, 0);
  scene.world.history.write(keys.map((key) => ({ key, value: `value of ${key}` })));
  scene.world.catchUp();
  return scene;
}

describe('an exchange', () => {
  it('of equal replicas at rest asks one question and moves less than 1 KB', async () => {
    const scene = filled();
    const asked: string[] = [];
    const result = await scene.run(heal, spied(scene.theirs, asked));
    expect(result.outcome).toBe('equal');
    expect(asked).toEqual(['capture']);
    expect(result.counts.bytesReceived).toBeGreaterThan(100);
    expect(result.counts.bytesReceived).toBeLessThan(1024);
  });

  it('of one key that differs asks for its path, its bucket and its head', async () => {
    const scene = filled();
    scene.drift(scene.ours, [{ kind: 'stale-row', key: keys[0] as string }]);
    const asked: string[] = [];
    const { outcome, counts, differences } = await scene.run(heal, spied(scene.theirs, asked));
    expect(outcome).toBe('equal');
    expect(asked).toEqual(['capture', 'nodes', 'nodes', 'nodes', 'nodes', 'buckets', 'heads', 'capture']);
    expect(counts).toMatchObject({ found: 1, compared: 3, healed: 1, leaves: 0 });
    expect(counts.bytesReceived).toBeLessThan(3 * 1024);
    expect(differences).toMatchObject([{ key: keys[0], action: 'take', ours: { sound: true }, theirs: {} }]);
  });

  it('tells position and roots of the comparison that it ends with', async () => {
    const scene = filled();
    const at = await scene.run(diff);
    expect(at.root).toBe(at.theirRoot);
    expect(at.position).toEqual(scene.world.history.position);
    scene.drift(scene.ours, [{ kind: 'lost-row', key: keys[0] as string }]);
    const apart = await scene.run(diff);
    expect(apart).toMatchObject({ outcome: 'different', position: at.position, theirRoot: at.root });
    expect(apart.root).not.toBe(at.root);
    expect(apart.reason).toBe('Left: 1 row of this replica would change.');
  });

  it('X2 with a peer that does not come there is not comparable, and says where both stand', async () => {
    const scene = filled();
    const before = formatPosition(scene.theirs.position());
    scene.world.history.write([{ key: 'more', value: 'x' }]);
    scene.world.deliver(scene.ours);
    const theirs = scene.theirs;
    scene.world.deliver = (replica) => replica !== theirs && false;
    const result = await scene.run();
    expect(result).toMatchObject({ outcome: 'not-comparable', counts: { found: 0, healed: 0 } });
    expect(result.position).toBeUndefined();
    expect(result.reason).toContain(`this replica stands at ${formatPosition(scene.ours.position())}`);
    expect(result.reason).toContain(`the peer at ${before}`);
  });

  it('X2 of a deposed leader that has not cut its orphans is not comparable, either way', async () => {
    const scene = filled();
    const { epoch, seq } = scene.world.history.position;
    const version = { epoch, seq: seq + 1 };
    const written = [rowOf(keys[0] as string, 'an orphan', version)];
    const postRoot = scene.world.history.rootWith(written);
    scene.ours.apply({
      epoch,
      firstSeq: seq + 1,
      lastSeq: seq + 1,
      written,
      collected: [],
      startsEpoch: false,
      postRoot,
    });
    scene.world.history.startEpoch();
    scene.world.deliver(scene.theirs);
    const [ours, theirs] = [scene.ours, scene.theirs];
    for (const [a, b] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      const result = await exchange({ ours: a, peer: asPeer(b), options: heal, limits });
      expect(result).toMatchObject({
        outcome: 'not-comparable',
        reason: expect.stringContaining('one history'),
      });
      expect(a.repaired).toEqual([]);
    }
  });

  it('X2 that is interrupted says so, and tells what it healed until then', async () => {
    const scene = filled();
    scene.drift(scene.ours, [{ kind: 'lost-row', key: keys[0] as string }]);
    let away = false;
    const repair = scene.ours.repair.bind(scene.ours);
    scene.ours.repair = async (...args) => {
      away = true;
      return repair(...args);
    };
    const result = await scene.run(
      heal,
      asPeer(scene.theirs, () => away),
    );
    expect(result).toMatchObject({ outcome: 'not-comparable', reason: 'The peer did not answer: no route' });
    expect(result.counts).toMatchObject({ found: 1, healed: 1 });
    expect(result.position).toBeUndefined();
  });

  it('that finds a fault of ours does not pass it off as an outcome', async () => {
    const scene = filled();
    scene.ours.capture = async () => {
      throw new Error('disk is full');
    };
    await expect(scene.run()).rejects.toThrow('disk is full');
  });

  it('heals no row that another took the place of meanwhile', async () => {
    const scene = filled();
    const key = keys[0] as string;
    scene.drift(scene.ours, [{ kind: 'stale-row', key }]);
    const heads = scene.ours.heads.bind(scene.ours);
    let times = 0;
    scene.ours.heads = async (wanted) => {
      const answer = await heads(wanted);
      times += 1;
      if (times === 1) {
        scene.world.history.write([{ key, value: 'newer' }]);
        scene.world.catchUp();
      }
      return answer;
    };
    const result = await scene.run();
    expect(result).toMatchObject({ outcome: 'equal', counts: { healed: 0 } });
    expect(scene.ours.rows.get(key)?.entry.value.toString()).toBe('newer');
  });

  it('stops when a replica went back in its history', async () => {
    const scene = filled();
    scene.drift(scene.ours, [{ kind: 'stale-row', key: keys[0] as string }]);
    const heads = scene.ours.heads.bind(scene.ours);
    scene.ours.heads = async (wanted) => ({ ...(await heads(wanted)), position: { epoch: 1, seq: 1 } });
    const result = await scene.run();
    expect(result).toMatchObject({ outcome: 'not-comparable', reason: expect.stringContaining('went back') });
    expect(scene.ours.repaired).toEqual([]);
  });

  it('tells so many differences one by one, and counts all of them', async () => {
    const scene = filled();
    for (const key of keys) scene.drift(scene.ours, [{ kind: 'lost-row', key }]);
    const few = { ...limits, differencesMax: 5 };
    const result = await exchange({
      ours: scene.ours,
      peer: asPeer(scene.theirs),
      options: heal,
      limits: few,
    });
    expect(result.differences).toHaveLength(5);
    expect(result.counts).toMatchObject({ found: keys.length, healed: keys.length });
  });

  it('past its budget looks at no more rows, and says that there is more', async () => {
    const scene = filled();
    for (const key of keys) scene.drift(scene.ours, [{ kind: 'lost-row', key }]);
    const asked: string[] = [];
    const result = await scene.run({ ...heal, keysMax: 2 }, spied(scene.theirs, asked));
    // Of 8 buckets, 3 are listed; of the others at least one key each differs.
    expect(asked.filter((question) => question === 'buckets')).toHaveLength(1);
    expect(result).toMatchObject({
      outcome: 'different',
      counts: { found: 9 + 5, healed: 2 },
      left: { budget: 12 },
    });
    expect(result.reason).toBe('Left: 12 rows or more did not fit into the budget.');
  });

  it('says which of a few things are left', async () => {
    const scene = filled();
    scene.drift(scene.theirs, [{ kind: 'spoiled-leaf', key: keys[0] as string }]);
    const result = await scene.run();
    expect(result).toMatchObject({ outcome: 'different', left: { theirLeaves: 1 } });
    expect(result.reason).toBe('Left: the peer has 1 bucket whose digests are not those of the rows.');
  });

  it('X1 is not equal while the trees were not, even where the rows are by now', async () => {
    const scene = filled();
    const bucket = bucketOf(keys[0] as string);
    scene.drift(scene.ours, [{ kind: 'spoiled-leaf', key: keys[0] as string }]);
    const list = scene.ours.buckets.bind(scene.ours);
    scene.ours.buckets = async (...args) => {
      // Somebody else heals it after the capture.
      await scene.ours.repair([bucket], []);
      return list(...args);
    };
    const peer = asPeer(scene.theirs);
    const once = { ours: scene.ours, peer, options: diff, limits: { ...limits, passesMax: 1 } };
    expect(await exchange(once)).toMatchObject({
      outcome: 'different',
      reason: expect.stringContaining('trees'),
    });
    scene.drift(scene.ours, [{ kind: 'spoiled-leaf', key: keys[0] as string }]);
    expect(await exchange({ ...once, limits })).toMatchObject({ outcome: 'equal', counts: { leaves: 0 } });
  });

  it('repairs nothing that it could not prove afterwards', async () => {
    const scene = filled();
    scene.drift(scene.ours, [{ kind: 'lost-row', key: keys[0] as string }]);
    const once = {
      ours: scene.ours,
      peer: asPeer(scene.theirs),
      options: heal,
      limits: { ...limits, passesMax: 1 },
    };
    expect(await exchange(once)).toMatchObject({
      outcome: 'different',
      counts: { healed: 0 },
      left: { repair: 1 },
    });
  });

  it('has limits that a node can keep', () => {
    for (const limit of Object.values(exchangeLimits)) expect(limit).toBeGreaterThan(0);
  });
});

/** Notes which questions the peer is asked. */
function spied(replica: MemoryReplica, asked: string[]) {
  const peer = asPeer(replica);
  return new Proxy(peer, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        asked.push(String(name));
        return Reflect.apply(value, target, args);
      };
    },
  });
}
