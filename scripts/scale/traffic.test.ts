import { foundingMembers, nodeStatusSchema } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { counting, gatewayLooks, nodeLooks, sessionTokenChars, watchTokenChars } from './lookups.ts';
import { sizeOf, statusOf } from './messages.ts';
import { namesOf, placementOf } from './shape.ts';
import { delivered, heardByGateway, heardByNode, nodeDefaults, trafficOf } from './traffic.ts';

const shape = { nodes: 4, shards: 10, factor: 3, gateways: 2, antiEntropy: 1 };
const names = namesOf(4);
const statuses = names.map((node) => statusOf(node, placementOf(shape), foundingMembers(names)));

describe('a status', () => {
  it('is one that processes take, with a line a copy and a line a member', () => {
    expect(nodeStatusSchema.parse(statuses[0])).toEqual(statuses[0]);
    const copies = statuses.reduce((sum, { shards }) => sum + shards.length, 0);
    expect(copies).toBe(30);
    expect(statuses[0]?.members).toHaveLength(4);
    const leading = statuses.flatMap(({ shards }) => shards.filter(({ role }) => role === 'leading'));
    expect(leading).toHaveLength(10);
  });

  it('counts how often it is asked for the shard of a replica', () => {
    const tally = { looks: 0 };
    const status = counting(statuses[0] as (typeof statuses)[number], tally);
    status.shards.find(({ shard }) => shard === -1);
    expect(tally.looks).toBe(status.shards.length);
    expect(sizeOf(status)).toBe(sizeOf(statuses[0]));
  });
});

describe('what processes do', () => {
  it('a gateway looks through all replicas for each shard, for one piece of news', () => {
    const looks = gatewayLooks(shape, statuses);
    // Twice (who serves reads, who leads); a search ends where the shard is found.
    expect(looks).toBeGreaterThan(10 * 30);
    expect(looks).toBeLessThanOrEqual(2 * 10 * 30);
  });

  it('a node looks through all replicas for who leads, of each shard twice and of its own once more', () => {
    const own = statuses[0]?.shards.length ?? 0;
    const looks = nodeLooks(shape, statuses);
    expect(looks).toBeGreaterThan(((2 * 10 + own) * 30) / 2);
    expect(looks).toBeLessThanOrEqual((2 * 10 + own) * 30);
  });

  it('tokens grow by the same with each shard', () => {
    expect(watchTokenChars(20) - watchTokenChars(10)).toBe(10 * '.12-1234567890'.length);
    expect(sessionTokenChars(30) - sessionTokenChars(20)).toBeGreaterThan(50);
  });
});

describe('what goes round', () => {
  const traffic = trafficOf(shape);
  const { heads, applied, statuses: told, leases } = traffic.news;

  it('is counted from the periods of the configuration', () => {
    const { statusEveryMs, leaseRenewMs } = nodeDefaults;
    expect(heads.sent).toBe(10 * 10);
    expect(applied.sent).toBe((10 * 2 * 1000) / statusEveryMs);
    expect(told.sent).toBe((4 * 1000) / statusEveryMs);
    expect(leases.sent).toBe((10 * 1000) / leaseRenewMs);
    expect(delivered(told)).toBe(told.sent * 7);
    expect(delivered(heads)).toBe(heads.sent * 4);
  });

  it('reaches nodes whole, and gateways without heads and applied positions', () => {
    const { messages } = heardByNode(traffic);
    expect(messages).toBe(heads.sent + applied.sent + told.sent + leases.sent);
    expect(heardByGateway(traffic).messages).toBe(told.sent + leases.sent);
  });

  it('keeps a stream a shard, a consumer a copy, and pulls one a follower', () => {
    expect(traffic.jetStream).toMatchObject({ streams: 10, durables: 30, pulled: 20, watches: 8 });
    expect(traffic.jetStream.raftGroups).toBe(10 + 3 + 30 + 1);
  });

  it('asks of anti-entropy a round of each shard in time, of each process', () => {
    const twice = trafficOf({ ...shape, antiEntropy: 2 }).antiEntropy;
    expect(twice.roundsPerSecond).toBeCloseTo(2 * traffic.antiEntropy.roundsPerSecond);
    expect(twice.roundMsMax).toBeCloseTo(traffic.antiEntropy.roundMsMax);
  });
});
