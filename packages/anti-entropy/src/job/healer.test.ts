import { describe, expect, it } from 'vitest';
import { Scene } from './testing/scene.ts';

describe('a round', () => {
  it('compares every member with the leader, and tells it where all were equal', async () => {
    const scene = new Scene();
    scene.healer().start();
    const report = await scene.round('equal');
    expect(report).toMatchObject({
      cause: 'schedule',
      reference: 'node-1',
      verified: { epoch: 1, seq: 100 },
    });
    expect(scene.nodes.calls).toEqual([
      'node-2 heal with node-1',
      'node-3 heal with node-1',
      'node-1 verified',
    ]);
    expect(scene.nodes.verifiedAt).toEqual([
      { position: { epoch: 1, seq: 100 }, members: ['node-1', 'node-2', 'node-3'] },
    ]);
  });

  it('comes again at the interval, and not in quiet hours', async () => {
    const scene = new Scene();
    // The clock begins at midnight.
    scene.healer('healer-1', { roundEveryMs: 60_000, roundQuietHours: '00:10-00:20' }).start();
    await scene.round('equal');
    const first = scene.clock.monotonic();
    await scene.round('equal');
    expect(scene.clock.monotonic() - first).toBeGreaterThan(59_000);
    await scene.clock.advance(10 * 60_000 - scene.clock.monotonic());
    const before = scene.reports.get('healer-1')?.length;
    await scene.clock.advance(9 * 60_000);
    expect(scene.reports.get('healer-1')?.length).toBe(before);
    await scene.round('equal');
    expect(scene.clock.monotonic()).toBeGreaterThanOrEqual(20 * 60_000);
  });

  it('proves nothing of who can’t be compared, and says why', async () => {
    const scene = new Scene();
    scene.nodes.replica('node-3').silent = true;
    scene.healer().start();
    const report = await scene.round('not-comparable');
    expect(report.pairs).toMatchObject([
      { node: 'node-2', outcome: 'equal' },
      { node: 'node-3', outcome: 'not-comparable', reason: 'It is not heard of.' },
    ]);
    expect(scene.nodes.verifiedAt).toEqual([]);
    // Others follow ever later; but it is looked at as soon as it is back.
    await scene.clock.advance(300_000);
    await scene.round('not-comparable');
    scene.nodes.replica('node-3').silent = false;
    const back = scene.clock.monotonic();
    await scene.round('equal');
    expect(scene.clock.monotonic() - back).toBeLessThan(3_000);
  });

  it('is not proven by a node that answers nothing or stands elsewhere', async () => {
    const scene = new Scene();
    scene.nodes.replica('node-2').away = true;
    scene.nodes.replica('node-3').seq = 90;
    scene.healer().start();
    const report = await scene.round('not-comparable');
    expect(report.pairs).toMatchObject([
      { node: 'node-2', outcome: 'not-comparable', reason: 'node-2 does not answer.' },
      { node: 'node-3', outcome: 'not-comparable', reason: 'They did not meet.' },
    ]);
  });

  it('keeps to the budget, and goes on with what is left', async () => {
    const scene = new Scene();
    for (let i = 0; i < 25; i += 1) scene.nodes.replica('node-2').wrong.set(`k${i}`, 'key');
    for (let i = 0; i < 25; i += 1) scene.nodes.replica('node-3').wrong.set(`k${i}`, 'key');
    scene.healer('healer-1', { roundKeysMax: 10 }).start();
    await scene.round('equal');
    const healed = scene.reports
      .get('healer-1')
      ?.map(({ pairs }) => pairs.reduce((sum, { counts }) => sum + counts.healed, 0));
    expect(Math.max(...(healed ?? []))).toBe(10);
    expect(healed?.reduce((sum, one) => sum + one, 0)).toBe(50);
    expect(scene.clock.monotonic()).toBeLessThan(30_000);
  });

  it('of a replica that is alone proves it to itself', async () => {
    const scene = new Scene(['node-1']);
    scene.healer().start();
    expect(await scene.round('equal')).toMatchObject({ pairs: [], verified: { epoch: 1, seq: 100 } });
    scene.nodes.replica('node-1').wrong.set('k', 'key');
    scene.nodes.replica('node-1').knows = true;
    expect((await scene.round('not-comparable')).verified).toBeUndefined();
  });

  it('changes nothing when it is dry', async () => {
    const scene = new Scene();
    scene.nodes.replica('node-2').wrong.set('k', 'key');
    const healer = scene.healer();
    await scene.clock.advance(1_000);
    const running = healer.run({ dryRun: true });
    await scene.clock.advance(1_000);
    expect(await running).toMatchObject({
      outcome: 'different',
      rounds: [
        { dryRun: true, cause: 'asked', pairs: [{ differences: [{ key: 'k', action: 'take' }] }, {}] },
      ],
    });
    expect(scene.nodes.calls).toEqual(['node-2 diff with node-1', 'node-3 diff with node-1']);
    expect(scene.nodes.replica('node-2').wrong.size).toBe(1);
  });
});

describe('drift', () => {
  it('that a node tells of is healed at once, and the time it took is kept', async () => {
    const scene = new Scene();
    const healer = scene.healer();
    healer.start();
    await scene.round('equal');
    await scene.clock.advance(20_000);
    const replica = scene.nodes.replica('node-3');
    replica.wrong.set('k', 'key');
    replica.knows = true;
    const began = scene.clock.monotonic();
    const report = await scene.round('equal');
    expect(report.cause).toBe('drift');
    // The one that is drifted comes first.
    expect(report.pairs[0]).toMatchObject({ node: 'node-3', counts: { healed: 1 } });
    expect(scene.clock.monotonic() - began).toBeLessThan(1_000);
    expect(scene.healedSeconds).toHaveLength(1);
    expect(scene.healedSeconds[0]).toBeLessThan(0.5);
    // What it says until it has found so itself is no news; what it says later is.
    replica.wrong.set('k', 'key');
    await scene.clock.advance(1_500);
    expect(scene.last()).toBe(report);
    expect((await scene.round('equal')).cause).toBe('drift');
  });

  it('is healed once, and is no news afterwards', async () => {
    const scene = new Scene();
    const healer = scene.healer();
    healer.start();
    await scene.round('equal');
    scene.nodes.replica('node-3').wrong.set('k', 'key');
    scene.nodes.replica('node-3').knows = true;
    const report = await scene.round('equal');
    await scene.clock.advance(20_000);
    expect(scene.last()).toBe(report);
    expect(healer.rounds.proofs.driftedForMs(0, 'node-3', scene.clock.monotonic())).toBeUndefined();
  });

  it('of the leader is found by the others; it hands over, and then pulls from the new one', async () => {
    const scene = new Scene();
    scene.nodes.replica('node-1').wrong.set('k', 'key');
    scene.healer().start();
    const report = await scene.round('equal');
    expect(report.reference).not.toBe('node-1');
    expect(scene.nodes.calls.slice(0, 2)).toEqual(['node-2 heal with node-1', 'node-1 scrub']);
    expect(scene.nodes.calls).toContain(`node-1 heal with ${report.reference}`);
    expect(scene.nodes.replica('node-1').wrong.size).toBe(0);
  });

  it('of a drifted leader waits for it to hand over', async () => {
    const scene = new Scene();
    const leader = scene.nodes.replica('node-1');
    leader.wrong.set('k', 'key');
    leader.knows = true;
    scene.healer().start();
    const report = await scene.round('not-comparable');
    expect(report.reference).not.toBe('node-1');
    expect(report.pairs).toContainEqual(
      expect.objectContaining({ node: 'node-1', reason: expect.stringContaining('hands over first') }),
    );
    leader.role = 'following';
    scene.nodes.replica('node-2').role = 'leading';
    expect(await scene.round('equal')).toMatchObject({ reference: 'node-2' });
  });

  it('of a reference that does not lead is healed the other way round', async () => {
    const scene = new Scene();
    for (const node of ['node-1', 'node-2', 'node-3']) scene.nodes.replica(node).role = 'following';
    scene.nodes.replica('node-1').wrong.set('k', 'key');
    scene.nodes.replica('node-2').wrong.set('other', 'key');
    scene.healer().start();
    const report = await scene.round('equal');
    expect(scene.nodes.calls.slice(0, 2)).toEqual(['node-2 heal with node-1', 'node-1 heal with node-2']);
    expect(report.verified).toBeUndefined();
  });

  it('of all of them is healed by what their rows say', async () => {
    const scene = new Scene();
    for (const [node, replica] of scene.nodes.replicas) {
      replica.role = 'following';
      replica.knows = true;
      replica.wrong.set(`k of ${node}`, 'key');
    }
    scene.healer().start();
    await scene.round('equal');
    for (const replica of scene.nodes.replicas.values()) expect(replica.wrong.size).toBe(0);
  });
});

describe('the ladder', () => {
  it('goes from keys to buckets to a copy, and back to the first when equal', async () => {
    const scene = new Scene();
    const healer = scene.healer();
    scene.nodes.replica('node-2').wrong.set('k', 'snapshot');
    healer.start();
    for (const rung of ['key', 'bucket', 'snapshot']) {
      await scene.round('different');
      expect(healer.rounds.ladders.rungOf(0, 'node-2')).toBe(rung);
    }
    expect(healer.rounds.ladders.reasonOf(0, 'node-2')).toContain('repair');
    expect((await scene.round('not-comparable')).reason).toContain('takes a copy');
    await scene.round('equal');
    expect(healer.rounds.ladders.rungOf(0, 'node-2')).toBe('key');
    expect(scene.nodes.calls.filter((call) => call === 'node-2 restore')).toHaveLength(1);
    expect(scene.nodes.calls).toContain('node-2 heal with node-1 buckets');
  });

  it('ends with a person, and is not climbed again and again', async () => {
    const scene = new Scene();
    const healer = scene.healer();
    scene.nodes.replica('node-2').wrong.set('k', 'operator');
    healer.start();
    await scene.round('different');
    await scene.round('different');
    expect(healer.rounds.ladders.rungOf(0, 'node-2')).toBe('operator');
    await scene.clock.advance(3_600_000);
    expect(scene.nodes.calls).not.toContain('node-2 restore');
    // Ever later, up to the interval.
    expect(scene.reports.get('healer-1')?.length).toBeLessThan(75);
    // What the person mended is seen.
    scene.nodes.replica('node-2').wrong.clear();
    await scene.round('equal');
    expect(healer.rounds.ladders.rungOf(0, 'node-2')).toBe('key');
  });
});

describe('two healers', () => {
  it('never work on one shard at one time, and both get their turn', async () => {
    const scene = new Scene();
    scene.nodes.exchangeMs = 700;
    scene.healer('healer-1', { roundEveryMs: 5_000 }).start();
    scene.healer('healer-2', { roundEveryMs: 5_000 }).start();
    await scene.clock.advance(120_000);
    expect(scene.nodes.mostAtWork).toBe(1);
    for (const name of ['healer-1', 'healer-2']) {
      expect(scene.reports.get(name)?.length).toBeGreaterThan(5);
      expect(scene.last(name)?.outcome).toBe('equal');
    }
  });

  it('take over from one that was killed in its round, after its lease ran out', async () => {
    const scene = new Scene();
    scene.nodes.exchangeMs = 60_000;
    const first = scene.healer('healer-1', { roundLeaseTtlMs: 5_000 } as object);
    first.start();
    await scene.clock.until('a round', () => scene.nodes.atWork === 1);
    scene.kill(first, 'healer-1');
    scene.nodes.exchangeMs = 20;
    const killedAt = scene.clock.monotonic();
    scene.healer('healer-2').start();
    await scene.round('equal', 'healer-2');
    const tookMs = scene.clock.monotonic() - killedAt;
    expect(tookMs).toBeGreaterThanOrEqual(5_000);
    expect(tookMs).toBeLessThan(12_000);
  });

  it('a one-shot waits for the round of a service, and gives up in the end', async () => {
    const scene = new Scene();
    scene.nodes.exchangeMs = 4_000;
    scene.healer('healer-1').start();
    const once = scene.healer('once');
    await scene.clock.until('a round', () => scene.nodes.atWork === 1);
    const answer = once.run({ shard: 0, dryRun: false });
    await scene.clock.advance(30_000);
    expect(await answer).toMatchObject({ outcome: 'equal' });
    expect(scene.nodes.mostAtWork).toBe(1);

    scene.nodes.exchangeMs = 100_000;
    await scene.clock.until('another round', () => scene.nodes.atWork === 1);
    const vain = once.run({ dryRun: false });
    await scene.clock.advance(40_000);
    expect(await vain).toMatchObject({ outcome: 'not-comparable' });
  });
});

it('NATS away: nothing is begun; a round whose lease can’t be renewed ends', async () => {
  const scene = new Scene();
  scene.nodes.exchangeMs = 10_000;
  const healer = scene.healer();
  healer.start();
  await scene.clock.until('a round', () => scene.nodes.atWork === 1);
  scene.cells.setReachable('healer-1', false);
  const report = await scene.round('not-comparable');
  expect(report.pairs[1]?.reason).toContain('lease is lost');
  await scene.clock.advance(60_000);
  expect(scene.last()).toBe(report);
  scene.nodes.exchangeMs = 20;
  scene.cells.setReachable('healer-1', true);
  await scene.round('equal');
});

it('a shard that is not there cannot be asked for', async () => {
  await expect(new Scene().healer().run({ shard: 7, dryRun: false })).rejects.toMatchObject({
    code: 'not-found',
  });
});

it('stopping gives the lease back', async () => {
  const scene = new Scene();
  scene.nodes.exchangeMs = 1_000;
  const healer = scene.healer();
  healer.start();
  await scene.clock.until('a round', () => scene.nodes.atWork === 1);
  const stopped = healer.stop();
  await scene.clock.advance(2_000);
  await stopped;
  expect((await scene.cells.as('x').read('shard.0')).value?.holder).toBeNull();
});
