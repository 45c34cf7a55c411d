/**
 * The truth of lag: a follower is paused, or cut off from NATS, for a known time under load, and what it and
 * its leader tell is compared with that time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { consumerName, streamName } from '@driftless/contracts';
import { waitUntil } from '@driftless/runtime';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';
import { Scrape } from '../../harness/scrape.ts';

const shard = 0;
const awayMs = 6000;
/** Heads come every 100 ms, scrapes take their time, and the machine has other work. */
const slackSeconds = 2.5;
const headSilentMs = 1500;
/** Shorter than it takes a follower to ask its peers for what does not come. */
const pauseMs = 4000;

let cluster: TestCluster;
let leader: string;
let follower: string;
let writing: AbortController;
let written: Promise<void>;

const scrape = (node: string): Promise<Scrape> => Scrape.of(cluster.nodeUrl(node));
const lagOf = async (node: string): Promise<number | undefined> =>
  (await scrape(node)).value('replication_lag_seconds', { shard });
const leaderSees = async (): Promise<number | undefined> =>
  (await scrape(leader)).value('leader_follower_lag_seconds', { shard, node: follower });

beforeAll(async () => {
  const nodeEnv = { DRIFTLESS_HEAD_SILENT_MS: String(headSilentMs), DRIFTLESS_HAND_BACK_AFTER_MS: '600000' };
  cluster = await TestCluster.start({ shards: 1, links: true, antiEntropy: false, nodeEnv });
  leader = await cluster.leaderOf(shard);
  follower = cluster.nodes.map(({ name }) => name).find((name) => name !== leader) ?? '';
  writing = new AbortController();
  written = write(writing.signal);
});
afterAll(async () => {
  writing?.abort();
  await written;
  await cluster?.stop();
});

/** A write about every 20 ms. */
async function write(signal: AbortSignal): Promise<void> {
  for (let i = 0; !signal.aborted; i += 1) {
    const answer = await fetch(`${cluster.gatewayUrl}/v1/kv/key-${i % 50}`, { method: 'PUT', body: `${i}` });
    await answer.arrayBuffer();
    await sleep(20);
  }
}

const recovered = async (): Promise<void> => {
  await cluster.until(`${follower} to have lag 0`, async () => (await lagOf(follower)) === 0, 30_000);
  await cluster.until(`${leader} to see it caught up`, async () => ((await leaderSees()) ?? 9) < 1, 30_000);
};

/** Applies that were older than half of the time away; the oldest of them are nearly as old as that. */
async function lateApplies(): Promise<number> {
  return (await scrape(follower)).above('replication_lag_at_apply_seconds', 2, { shard });
}

describe('a follower that falls behind', () => {
  it('shows lag 0 while it keeps up, and so does its leader', async () => {
    await cluster.until('lag 0', async () => (await lagOf(follower)) === 0);
    expect(await lagOf(leader)).toBe(0);
    expect(await leaderSees()).toBeLessThan(1);
    expect(await lateApplies()).toBe(0);
  });

  it('frozen: it answers no scrape, its leader shows it; awake its lag is what it missed', async () => {
    const before = await lateApplies();
    const process = cluster.node(follower);
    const stoppedAt = performance.now();
    await process.signal('SIGSTOP');
    try {
      await expect(Scrape.of(cluster.nodeUrl(follower), 1000)).rejects.toThrow();
      await sleep(awayMs - (performance.now() - stoppedAt));
      const truth = (performance.now() - stoppedAt) / 1000;
      const seen = (await leaderSees()) ?? 0;
      expect(seen).toBeGreaterThan(truth - 1);
      expect(seen).toBeLessThan(truth + slackSeconds);
      const silent = (await scrape(leader)).value('peer_silent_seconds', { node: follower });
      expect(silent).toBeGreaterThan(truth - 1);
    } finally {
      await process.signal('SIGCONT');
    }
    const truth = (performance.now() - stoppedAt) / 1000;
    const first = await lagOf(follower);
    // Absent, or as old as the pause; never small while it has not caught up.
    if (first !== undefined && first > 0) expect(first).toBeGreaterThan(truth - 1);
    await recovered();
    const late = (await lateApplies()) - before;
    expect(late).toBeGreaterThan(0);
    const scraped = await scrape(follower);
    expect(scraped.above('replication_lag_at_apply_seconds', 10, { shard })).toBe(0);
    const converged = await scrape(leader);
    expect(converged.above('replication_convergence_seconds', 2, { shard })).toBeGreaterThan(0);
    expect(converged.above('replication_convergence_seconds', 30, { shard })).toBe(0);
  });

  it('cut off from NATS: its lag is absent, not 0, and its leader shows it', async () => {
    const link = cluster.link(follower, 'nats');
    const before = await lateApplies();
    const cutAt = performance.now();
    link.cut();
    try {
      await cluster.until('the lag to be unknown', async () => (await lagOf(follower)) === undefined, 5000);
      expect((await scrape(follower)).value('nats_connected')).toBe(0);
      await sleep(awayMs - (performance.now() - cutAt));
      const truth = (performance.now() - cutAt) / 1000;
      expect(await lagOf(follower)).toBeUndefined();
      const seen = (await leaderSees()) ?? 0;
      expect(seen).toBeGreaterThan(truth - 1);
      expect(seen).toBeLessThan(truth + slackSeconds);
    } finally {
      link.heal();
    }
    await recovered();
    expect((await lateApplies()) - before).toBeGreaterThan(0);
    const scraped = await scrape(follower);
    expect(scraped.value('nats_connected')).toBe(1);
    expect(scraped.value('nats_reconnects_total')).toBeGreaterThan(0);
  });

  it('given no events while it hears its leader: its lag is the time since, at every scrape', async () => {
    const connection = await connect({ servers: cluster.natsUrl });
    const shown: { lag: number; truth: number }[] = [];
    try {
      const { consumers } = await jetstreamManager(connection);
      const until = new Date(Date.now() + pauseMs);
      const pausedAt = performance.now();
      await consumers.pause(streamName('driftless', shard), consumerName(follower), until);
      const look = async (): Promise<boolean> => {
        const from = performance.now() - pausedAt;
        const lag = await lagOf(follower);
        const by = performance.now() - pausedAt;
        // What had been given out before the pause is still applied.
        if (from > 1000 && from < pauseMs) shown.push({ lag: lag ?? -1, truth: (from + by) / 2000 });
        return by >= pauseMs;
      };
      await waitUntil(look, { what: 'the pause to end', timeoutMs: 2 * pauseMs, intervalMs: 100 });
    } finally {
      await connection.close();
    }
    expect(shown.length).toBeGreaterThan(5);
    for (const { lag, truth } of shown) {
      expect(lag).toBeGreaterThan(truth - 1);
      expect(lag).toBeLessThan(truth + 0.5);
    }
    await recovered();
  });
});
