/** `driftless heal`, `diff` and `inject` against a real cluster: what they say, and their exit codes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type ExchangeAnswer, exchangeAnswerSchema, runAnswerSchema } from '@driftless/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';

const cli = join(import.meta.dirname, '../../../packages/cli/src/main.ts');

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

async function run(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [cli, ...args], { env: { ...process.env, ...env, NO_COLOR: '1' } });
  const texts = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    texts.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    texts.err += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
}

describe('one-shots', () => {
  let cluster: TestCluster;
  let follower: string;
  let leader: string;
  const heal = (...args: string[]): Promise<Ended> =>
    run(['heal', '--nats-url', cluster.natsUrl, ...args], { DRIFTLESS_ONCE_LISTEN_MS: '4000' });
  const onGateway = (command: string, ...args: string[]): Promise<Ended> =>
    run([command, '--url', cluster.gatewayUrl, ...args]);
  const inject = (kind: string, ...args: string[]): Promise<Ended> =>
    onGateway('inject', '--shard', '0', '--node', follower, '--kind', kind, ...args);
  const diff = (): Promise<Ended> =>
    onGateway('diff', '--shard', '0', '--a', follower, '--b', leader, '--json');

  beforeAll(async () => {
    const nodeEnv = { DRIFTLESS_INJECT: 'true' };
    cluster = await TestCluster.start({ shards: 1, nodeEnv, antiEntropy: false });
    for (let i = 0; i < 30; i += 1) {
      await fetch(`${cluster.gatewayUrl}/v1/kv/key-${i}?ack=all`, { method: 'PUT', body: `value ${i}` });
    }
    leader = await cluster.leaderOf(0);
    follower = cluster.nodes.map(({ name }) => name).find((name) => name !== leader) ?? '';
  });
  afterAll(() => cluster?.stop());

  it('heal: 0 when all replicas are proven equal', async () => {
    const { code, out, err } = await heal();
    expect(out).toMatch(/^shard 0: equal\n {2}node-\d and node-\d: equal at \d+-\d+, \d+ bytes/);
    expect(out).toMatch(/equal: 1 shard, 0 keys differed, 0 rows repaired\n$/);
    expect(err).toBe('');
    expect(code).toBe(0);
  });

  it('diff: 0 when equal; heal --dry-run: 1 when not, changing nothing; heal: 0 when it is', async () => {
    expect((await diff()).code).toBe(0);
    const injected = await inject('drop-row', '--count', '4', '--json');
    expect(injected.code, injected.err).toBe(0);
    const { keys } = JSON.parse(injected.out) as { keys: string[] };
    expect(keys).toHaveLength(4);
    await cluster.until('the replica to meet all of it', async () => {
      return ((await cluster.replica(follower, 0)).suspectBuckets ?? 0) >= 4;
    });

    const different = await diff();
    expect(different.code, different.err).toBe(1);
    const answer: ExchangeAnswer = exchangeAnswerSchema.parse(JSON.parse(different.out));
    expect(answer.differences.map(({ key }) => key).sort()).toEqual([...keys].sort());
    for (const { ours, theirs, action } of answer.differences) {
      expect(ours).toBeUndefined();
      expect(theirs).toMatchObject({ sound: true, tombstone: false });
      expect(action).toBe('take');
    }

    const dry = await heal('--dry-run', '--json');
    expect(dry.code).toBe(1);
    expect(runAnswerSchema.parse(JSON.parse(dry.out)).outcome).toBe('different');
    expect((await diff()).code).toBe(1);

    const done = await heal();
    expect(done.out).toContain('4 differed, 4 repaired');
    expect(done.code).toBe(0);
    expect((await diff()).code).toBe(0);
  });

  it('inject explains itself where it is not allowed, and refuses what is no kind', async () => {
    expect((await inject('flip-everything')).code).toBe(2);
    const alone = await TestCluster.start({ nodes: 1, shards: 1 });
    const args = ['--shard', '0', '--node', 'node-1', '--kind', 'flip-value'];
    const refused = await run(['inject', '--url', alone.gatewayUrl, ...args]).finally(() => alone.stop());
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('DRIFTLESS_INJECT');
  });

  it('heal: 2 for a shard that is not there, bad arguments, and without NATS', async () => {
    expect(await heal('--shard', '7')).toMatchObject({ code: 2, err: expect.stringContaining('0 to 0') });
    expect((await heal('--shard', 'x')).code).toBe(2);
    const { code, err } = await run(['heal', '--nats-url', 'nats://127.0.0.1:1']);
    expect(code).toBe(2);
    expect(err).toContain('could not be done');
  });

  it('heal: 2 while a member is away, though the others are equal', async () => {
    await cluster.node(follower).signal('SIGKILL');
    await cluster.until('it to be missed', async () => {
      const { nodes } = await cluster.view();
      return nodes.find(({ node }) => node === follower)?.alive === false;
    });
    const { code, out } = await heal();
    expect(out).toContain('It is not heard of.');
    expect(code).toBe(2);
  });
});
