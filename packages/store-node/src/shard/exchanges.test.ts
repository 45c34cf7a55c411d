import { breakBy } from '@driftless/anti-entropy';
import { bucketOf, type DriftlessError } from '@driftless/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { changeOf } from '../core/change.ts';
import { isDrifted } from '../core/state.ts';
import { cluster, expectEqual, heal, keys, rowsOf, spoil } from '../testing/exchanges.ts';
import { put, TestReplica } from '../testing/replica.ts';
import { follow, rotten, tamper } from '../testing/shard.ts';

afterEach(() => breakBy(undefined));

const kinds = ['flip-value', 'drop-row', 'alien-row', 'spoil-tree', 'skip-event', 'rewind-cursor'] as const;

describe('an exchange', () => {
  it('of equal replicas says so at a position, and moves less than a kilobyte', async () => {
    const { two } = cluster();
    const answer = await two.exchanges.run(heal);
    expect(answer).toMatchObject({
      node: 'node-2',
      with: 'node-1',
      outcome: 'equal',
      position: { epoch: 1, seq: 101 },
      differences: [],
    });
    expect(answer.counts.bytesReceived).toBeLessThan(1024);
    expect(two.context.proven.get('node-1')).toMatchObject({ position: { epoch: 1, seq: 101 } });
  });

  it.each(kinds)('heals what %s has done, exactly', async (kind) => {
    const { one, two, log, write } = cluster();
    const spoiled = spoil(two, kind, kind === 'skip-event' || kind === 'rewind-cursor' ? 1 : 3);
    if (kind === 'skip-event') write(put('key-1', 'skipped'), put('new', 'skipped too'));
    const found = await two.scrub.run();
    const answer = await two.exchanges.run(heal);
    expect(answer.outcome).toBe('equal');
    if (kind !== 'rewind-cursor') expect(found.sound).toBe(kind === 'skip-event');
    expectEqual(two, one);
    expect(two.context.state.applied).toEqual(log.state.applied);
    const differing = answer.differences.map(({ key }) => key).sort();
    const expected = { 'skip-event': ['key-1', 'new'], 'rewind-cursor': [], 'spoil-tree': [] };
    expect(differing).toEqual(expected[kind as 'skip-event'] ?? spoiled.sort());
    expect(answer.counts.healed).toBe(differing.length);
    expect(two.context.counts.driftEvents).toBeGreaterThan(0);
  });

  it.each(kinds)('heals what %s has done although writes to the same keys went on', async (kind) => {
    const { one, two, write } = cluster();
    spoil(two, kind, 1);
    for (let i = 0; i < 3; i += 1) write(...keys.map((key) => put(key, `${i}`)));
    await two.scrub.run();
    const answer = await two.exchanges.run(heal);
    expect(answer.outcome).toBe('equal');
    expectEqual(two, one);
  });

  it('heals while writes go on', async () => {
    const { one, two, write } = cluster();
    spoil(two, 'drop-row', 20);
    spoil(two, 'flip-value', 20);
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i += 1) {
        write(put(`key-${i % 100}`, `while ${i}`), put(`more-${i}`, 'new'));
        await two.context.clock.turn();
      }
    })();
    await two.scrub.run();
    const answer = await two.exchanges.run(heal);
    writing = false;
    await writer;
    expect(answer.outcome).toBe('equal');
    expectEqual(two, one);
    expect(answer.counts.healed).toBeGreaterThan(0);
  });

  it('in the mode diff tells and changes nothing', async () => {
    const { two } = cluster();
    const spoiled = spoil(two, 'flip-value', 2);
    await two.scrub.run();
    const before = rowsOf(two);
    const answer = await two.exchanges.run({ ...heal, mode: 'diff' });
    expect(answer.outcome).toBe('different');
    expect(answer.differences.map(({ key, action }) => [key, action]).sort()).toEqual(
      spoiled.map((key) => [key, 'take']).sort(),
    );
    expect(rowsOf(two)).toEqual(before);
    expect(isDrifted(two.context.state)).toBe(true);
  });

  it('keeps a sound row, and the peer whose row is rotten learns of it', async () => {
    const { one, two } = cluster();
    tamper(one.context, rotten(one.context.store.get('key-1')));
    const answer = await two.exchanges.run({ ...heal, buckets: [bucketOf('key-1')] });
    expect(answer).toMatchObject({ outcome: 'different', counts: { healed: 0 } });
    expect(answer.differences).toMatchObject([{ key: 'key-1', action: 'keep' }]);
    expect(one.context.soundness.suspects).toEqual([bucketOf('key-1')]);
    const back = await one.exchanges.run({ ...heal, with: 'node-2' });
    expect(back).toMatchObject({ outcome: 'equal', counts: { healed: 1 } });
    expectEqual(one, two);
  });

  it('sets aside what it overwrites and removes', async () => {
    const { two } = cluster();
    const spoiled = [...spoil(two, 'flip-value'), ...spoil(two, 'alien-row')];
    await two.scrub.run();
    await two.exchanges.run(heal);
    const kept = two.context.store.quarantined().map(({ name }) => name);
    expect(kept.sort()).toEqual(spoiled.sort());
  });

  it('without an answer from the peer is not comparable, and changes nothing', async () => {
    const { two, contexts } = cluster();
    spoil(two, 'drop-row');
    await two.scrub.run();
    contexts.delete('node-1');
    const answer = await two.exchanges.run(heal);
    expect(answer.outcome).toBe('not-comparable');
    expect(two.context.proven.size).toBe(0);
    expect(isDrifted(two.context.state)).toBe(true);
  });

  it('leaves a key alone that was healed too often', async () => {
    const { two } = cluster();
    const heals = async () => {
      tamper(two.context, rotten(two.context.store.get('key-1')));
      await two.scrub.run();
      return two.exchanges.run(heal);
    };
    for (let i = 0; i < 3; i += 1) expect((await heals()).outcome).toBe('equal');
    const answer = await heals();
    expect(answer).toMatchObject({ outcome: 'different', left: { stopped: 1 } });
    expect(two.told.counts.get('keys stopped')).toBe(1);
  });

  it('that forgets the tree does not end equal', async () => {
    const { two } = cluster();
    spoil(two, 'spoil-tree');
    await two.scrub.run();
    breakBy('forget-tree-in-repair');
    expect((await two.exchanges.run(heal)).outcome).not.toBe('equal');
    expect(isDrifted(two.context.state)).toBe(true);
  });
});

describe('an exchange is refused', () => {
  const code = (run: Promise<unknown>): Promise<string> =>
    run.then(
      () => 'none',
      (error: DriftlessError) => error.code,
    );

  it('while another one is under way', async () => {
    const { two } = cluster();
    const [first, second] = [two.exchanges.run(heal), code(two.exchanges.run(heal))];
    expect(await second).toBe('overloaded');
    expect((await first).outcome).toBe('equal');
    expect((await two.exchanges.run(heal)).outcome).toBe('equal');
  });

  it('with the replica itself, and of one that is halted or restored', async () => {
    const { one, two } = cluster();
    expect(await code(one.exchanges.run(heal))).toBe('bad-request');
    two.context.restoring = true;
    expect(await code(two.exchanges.run(heal))).toBe('replica-unavailable');
    two.context.restoring = false;
    two.context.halt('for a test');
    expect(await code(two.exchanges.run(heal))).toBe('replica-unavailable');
  });

  it('by a leader, unless it changes nothing', async () => {
    const { two } = cluster();
    two.replica.isFollowing = false;
    expect(await code(two.exchanges.run(heal))).toBe('is-leader');
    expect((await two.exchanges.run({ ...heal, mode: 'diff' })).outcome).toBe('equal');
  });

  it('in the middle, by a replica that is about to lead', async () => {
    const { two } = cluster();
    spoil(two, 'drop-row', 5);
    await two.scrub.run();
    const rows = rowsOf(two).length;
    const run = two.exchanges.run(heal);
    two.replica.isFollowing = false;
    expect(await code(run)).toBe('is-leader');
    expect(rowsOf(two)).toHaveLength(rows);
  });
});

describe('a root that nobody comes to', () => {
  /** The leader lost a row and wrote its key again: its followers have drifted, all alike. */
  async function wrongStamp() {
    const all = cluster();
    const { log, one, two, three, write } = all;
    const removed = ['key-1'];
    log.store.commit(changeOf({ removed, state: log.state }));
    one.context.store.commit(changeOf({ removed, state: one.context.state }));
    write(put('key-1', 'again'));
    expect([one, two, three].map(({ context }) => isDrifted(context.state))).toEqual([false, true, true]);
    return all;
  }

  it('is acquitted in a sound and equal majority, once the leader is gone', async () => {
    const { one, two, three } = await wrongStamp();
    expect((await two.exchanges.run(heal)).outcome).toBe('different');
    // It was asked for the bucket, and knows that it is wrong.
    expect(one.context.state.suspect).toBe(true);
    expect((await one.exchanges.run({ ...heal, with: 'node-2' })).outcome).toBe('equal');
    expect((await two.exchanges.run({ ...heal, with: 'node-3' })).outcome).toBe('equal');
    expect(isDrifted(two.context.state)).toBe(true);
    expect(two.context.soundness.isAcquitted(two.context.state)).toBe(true);
    expect(three.context.soundness.isAcquitted(three.context.state)).toBe(false);
    // It leads, and stamps the root that they all have.
    const next = new TestReplica(two.context.store);
    const event = next.startEpoch(2);
    follow(one.context, next);
    follow(three.context, next);
    expect(event.length).toBeGreaterThan(0);
    expectEqual(one, three);
    expectEqual(three, one);
    expect(rowsOf(two)).toEqual(rowsOf(one));
  });

  it('is not acquitted while somebody leads', async () => {
    const { two } = await wrongStamp();
    two.context.lag.told({ epoch: 1, seq: 102 }, two.context.clock.monotonic(), 0);
    expect((await two.exchanges.run({ ...heal, with: 'node-3' })).outcome).toBe('equal');
    expect(two.context.soundness.isAcquitted(two.context.state)).toBe(false);
  });

  it('is not acquitted with a rotten row', async () => {
    const { two, three } = await wrongStamp();
    tamper(two.context, rotten(two.context.store.get('key-7')));
    tamper(three.context, rotten(three.context.store.get('key-7')));
    await two.exchanges.run({ ...heal, with: 'node-3' });
    expect(two.context.soundness.isAcquitted(two.context.state)).toBe(false);
    expect(two.context.state.suspect).toBe(true);
  });

  it('is acquitted only where it stands', async () => {
    const { two, log } = await wrongStamp();
    await two.exchanges.run({ ...heal, with: 'node-3' });
    expect(two.context.soundness.isAcquitted(two.context.state)).toBe(true);
    log.write([put('key-2', 'more')]);
    follow(two.context, log);
    expect(two.context.soundness.isAcquitted(two.context.state)).toBe(false);
  });
});
