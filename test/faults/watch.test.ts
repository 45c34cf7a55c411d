/**
 * Watching through failures: the gateway that serves the watcher and the leader of a shard are killed -9
 * under load. The watcher is shown every acknowledged write exactly once, in order, and no refused one.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../harness/cluster.ts';
import { Load } from '../harness/load.ts';
import { Watching, watchProblems } from '../harness/watching.ts';

const perSecond = 250;

let cluster: TestCluster | undefined;
let load: Load | undefined;
let watchings: Watching[] = [];

afterEach(async () => {
  await load?.stop();
  await Promise.all(watchings.map((watching) => watching.end()));
  await cluster?.stop();
  watchings = [];
});

describe('a watch under load of 250 writes/s', () => {
  it('misses and repeats nothing when its gateway and a leader are killed -9', async () => {
    const running = await TestCluster.start();
    cluster = running;
    const other = await running.addGateway('gateway-2');
    const begin = async (...parameters: Parameters<typeof Watching.begin>): Promise<Watching> => {
      const watching = await Watching.begin(...parameters);
      watchings.push(watching);
      return watching;
    };
    const alone = await begin({ urls: [running.gatewayUrl] });
    const either = await begin({ urls: [running.gatewayUrl, other.url] });
    const hot = await begin({ urls: [other.url], prefix: 'watch/hot/' });
    const start = either.token as string;

    load = new Load(running, { perSecond, ack: 'stream', name: 'watch' });
    await load.more(500);
    await running.gateway.signal('SIGKILL');
    running.gateway.start();
    await load.more(500);
    const leader = running.node(await running.leaderOf(0));
    await leader.signal('SIGKILL');
    await load.more(500);
    leader.start();
    await load.more(500);
    const history = await load.stop();

    const acknowledged = history.filter(({ outcome }) => outcome === 'ok');
    expect(acknowledged.length).toBeGreaterThanOrEqual(2000);
    await Promise.all([alone, either].map((watching) => watching.shown(acknowledged)));
    await hot.shown(acknowledged.filter(({ key }) => key.startsWith('watch/hot/')));
    expect(watchProblems(alone.events, history)).toEqual([]);
    expect(watchProblems(either.events, history)).toEqual([]);
    const wanted = history.filter(({ key }) => key.startsWith('watch/hot/'));
    expect(watchProblems(hot.events, wanted)).toEqual([]);

    const again = await begin({ urls: [other.url], after: start });
    await again.shown(acknowledged);
    expect(watchProblems(again.events, history)).toEqual([]);
  });
});
