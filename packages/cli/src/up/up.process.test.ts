import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePortRange, listRunFiles, readRunFile, waitUntil } from '@driftless/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isAlive, signalProcess } from './processes.ts';

const fixture = fileURLToPath(new URL('./testing/up-fixture.ts', import.meta.url));
const fakeObserver = fileURLToPath(new URL('./testing/fake-observer.mjs', import.meta.url));
const TIMEOUT_MS = 60_000;
const WAIT_MS = 20_000;

let root: string;
let dataDir: string;
let base: number;
let running: Up[];
/** Where Prometheus and Alertmanager are. */
let observerEnv: Record<string, string>;

beforeEach(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'driftless-up-')));
  dataDir = join(root, 'data');
  base = await freePortRange(8);
  running = [];
  observerEnv = {};
});
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  for (const { pid } of listRunFiles(join(dataDir, 'run')).values()) {
    if (pid !== process.pid) signalProcess(pid, 'SIGKILL');
  }
  await Promise.all(running.map(({ ended }) => ended));
  rmSync(root, { recursive: true, force: true });
});

interface Up {
  readonly child: ChildProcess;
  output(): string;
  readonly ended: Promise<number | null>;
}

function start(options: object = {}, behaviour = ''): Up {
  const ports = { gatewayPort: base, natsPort: base + 2, natsMonitorPort: base + 3, nodePort: base + 4 };
  const observers = { prometheusPort: base + 6, alertmanagerPort: base + 7 };
  const json = JSON.stringify({ dataDir, nodes: 2, ...ports, ...observers, ...options });
  const env = { ...process.env, DRIFTLESS_NATS_URL: '', FIXTURE_BEHAVIOUR: behaviour, ...observerEnv };
  const child = spawn(process.execPath, [fixture, json], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => void child.once('close', resolve));
  const started = { child, output: () => text, ended };
  running.push(started);
  return started;
}

async function says(run: Up, words: string | RegExp): Promise<void> {
  const found = (): boolean =>
    typeof words === 'string' ? run.output().includes(words) : words.test(run.output());
  await waitUntil(found, { timeoutMs: WAIT_MS, what: `"${words}" in:\n${run.output()}` });
}

async function started(options?: object, behaviour?: string): Promise<Up> {
  const run = start(options, behaviour);
  await says(run, 'Driftless is ready');
  // The last of the lines that follow, which come one by one.
  await says(run, 'Stop with Ctrl-C');
  return run;
}

/** The instances that a configuration of Prometheus has, by their job. */
function jobsIn(config: string): Record<string, string[]> {
  const { scrape_configs: jobs } = JSON.parse(config) as {
    scrape_configs: { job_name: string; static_configs: { labels: { instance: string } }[] }[];
  };
  const instances = jobs.map(({ job_name: job, static_configs: groups }) => {
    return [job, groups.map(({ labels }) => labels.instance)] as const;
  });
  return Object.fromEntries(instances);
}

const journal = (): string[] => readFileSync(join(dataDir, 'journal'), 'utf8').trim().split('\n');
const everyChild = ['anti-entropy-1', 'gateway-1', 'node-1', 'node-2', 'nats-server'];
const pidOf = (name: string): number => readRunFile(join(dataDir, 'run'), name)?.pid ?? 0;
const gone = (pid: number): Promise<boolean> =>
  waitUntil(() => !isAlive(pid), { timeoutMs: WAIT_MS, what: `${pid} to be gone` });

test(
  'starts all in order, says where they are, and drains in order',
  async () => {
    const run = await started();
    expect(run.output()).toContain(`http://127.0.0.1:${base}/docs`);
    expect(run.output().match(/curl/g)).toHaveLength(3);
    expect([...listRunFiles(join(dataDir, 'run')).keys()]).toEqual([
      'anti-entropy-1',
      'gateway-1',
      'nats-server',
      'node-1',
      'node-2',
      'up',
    ]);
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(journal()[0]).toBe('nats-server started');
    const stops = journal().filter((line) => line.endsWith('stopped'));
    expect([stops.slice(0, 2).sort(), stops.slice(2, 4).sort(), stops[4]]).toEqual([
      ['anti-entropy-1 stopped', 'gateway-1 stopped'],
      ['node-1 stopped', 'node-2 stopped'],
      'nats-server stopped',
    ]);
    expect(listRunFiles(join(dataDir, 'run')).size).toBe(0);
    expect(existsSync(join(dataDir, 'up.lock'))).toBe(false);
  },
  TIMEOUT_MS,
);

test(
  'with --observe, Prometheus watches all of it and tells Alertmanager; both stop with the cluster',
  async () => {
    observerEnv = { DRIFTLESS_PROMETHEUS: fakeObserver, DRIFTLESS_ALERTMANAGER: fakeObserver };
    const run = await started({ observe: true });
    expect(run.output()).toContain(`http://127.0.0.1:${base + 6}/alerts`);
    expect(run.output()).toContain(`http://127.0.0.1:${base + 7}`);
    await says(run, 'prometheus is ready');
    await says(run, 'alertmanager is ready');
    const config = await (await fetch(`http://127.0.0.1:${base + 6}/config`)).text();
    expect(jobsIn(config)).toEqual({
      'anti-entropy': ['anti-entropy-1'],
      gateway: ['gateway-1'],
      'store-node': ['node-1', 'node-2'],
      alertmanager: ['alertmanager'],
      prometheus: ['prometheus'],
    });
    expect(config).toContain(`"127.0.0.1:${base + 4}"`);
    expect(config).toContain(`"127.0.0.1:${base + 7}"`);
    const pids = ['prometheus', 'alertmanager'].map(pidOf);
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(pids.some(isAlive)).toBe(false);
    expect(listRunFiles(join(dataDir, 'run')).size).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  'with --observe and nothing to observe with, it runs without, and says what is missing and how to get it',
  async () => {
    observerEnv = { PATH: join(root, 'nothing') };
    const run = await started({ observe: true });
    await says(run, /Prometheus was not found, .* prometheus".*\nAlertmanager was not found/);
    expect(run.output()).not.toContain(`:${base + 6}`);
  },
  TIMEOUT_MS,
);

test(
  'observers that outlived their up are stopped by the next',
  async () => {
    observerEnv = { DRIFTLESS_PROMETHEUS: fakeObserver, DRIFTLESS_ALERTMANAGER: fakeObserver };
    const first = await started({ observe: true });
    await says(first, 'prometheus is ready');
    await says(first, 'alertmanager is ready');
    const left = ['prometheus', 'alertmanager'].map(pidOf);
    first.child.kill('SIGKILL');
    await first.ended;
    await started();
    await Promise.all(left.map(gone));
  },
  TIMEOUT_MS,
);

test(
  'starts again what dies, and says so',
  async () => {
    const run = await started();
    const first = pidOf('node-1');
    signalProcess(first, 'SIGKILL');
    await says(run, /node-1 died \(SIGKILL\); starting it again in 200 ms\n.*\n?node-1 is ready/s);
    await waitUntil(() => pidOf('node-1') !== first, { timeoutMs: WAIT_MS, what: 'a new run file' });
    expect(isAlive(pidOf('node-1'))).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  'with --no-restart, what dies stays dead, and the rest goes on',
  async () => {
    const run = await started({ restart: false });
    signalProcess(pidOf('node-1'), 'SIGKILL');
    await says(run, 'node-1 died (SIGKILL) and is not started again');
    expect(isAlive(pidOf('node-2'))).toBe(true);
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  'a child that does not stop is killed; a second wish, a moment later, kills all at once',
  async () => {
    const run = await started({}, 'gateway-1=stubborn');
    const gateway = pidOf('gateway-1');
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(run.output()).toContain('gateway-1 did not stop within 1.5 s and was killed');
    await gone(gateway);

    const again = await started({}, 'gateway-1=stubborn,node-1=stubborn');
    const pids = everyChild.map(pidOf);
    again.child.kill('SIGTERM');
    again.child.kill('SIGTERM');
    const askedAt = performance.now();
    await waitUntil(() => performance.now() - askedAt > 600, { timeoutMs: WAIT_MS, what: 'a moment' });
    again.child.kill('SIGTERM');
    expect(await again.ended).toBe(0);
    expect(again.output()).not.toContain('gateway-1 did not stop');
    await Promise.all(pids.map(gone));
  },
  TIMEOUT_MS,
);

test(
  'after a kill -9 the next start stops the children that were left, and says so',
  async () => {
    const first = await started();
    const left = everyChild.map(pidOf);
    first.child.kill('SIGKILL');
    await first.ended;
    expect(left.every(isAlive)).toBe(true);
    const second = await started();
    expect(second.output()).toContain('was left behind by an earlier start; stopping it');
    await Promise.all(left.map(gone));
    expect(left).not.toContain(pidOf('node-1'));
  },
  TIMEOUT_MS,
);

test(
  'a pid in a run file that is somebody else by now is left alone',
  async () => {
    mkdirSync(join(dataDir, 'run'), { recursive: true });
    writeFileSync(join(dataDir, 'run', 'node-1.json'), JSON.stringify({ pid: process.pid, startedAt: '' }));
    const run = await started();
    expect(run.output()).not.toContain('left behind');
  },
  TIMEOUT_MS,
);

test(
  'a second up on the same data is refused, with the pid of the first',
  async () => {
    const first = await started();
    const second = start();
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(
      `is running on this data directory already, as process ${first.child.pid}`,
    );
    expect(isAlive(pidOf('node-1'))).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  'a port in use is one clear line, with the option that changes it',
  async () => {
    const stranger = createServer().listen(base + 5, '127.0.0.1');
    const run = start();
    expect(await run.ended).toBe(1);
    expect(run.output()).toMatch(new RegExp(`failed: port ${base + 5}, for node-2, is in use .*--node-port`));
    expect(existsSync(join(dataDir, 'journal'))).toBe(false);
    stranger.close();
  },
  TIMEOUT_MS,
);

test(
  'shards and nodes are kept; others are refused; --fresh begins anew',
  async () => {
    const first = await started({ shards: 8 });
    first.child.kill('SIGTERM');
    await first.ended;
    const other = start({ shards: 4 });
    expect(await other.ended).toBe(1);
    expect(other.output()).toMatch(/was made with 8 shards, not 4 .*--fresh/);
    const same = await started({ nodes: undefined });
    expect(same.output()).toContain('2 nodes, 8 shards');
    same.child.kill('SIGTERM');
    await same.ended;
    const fresh = await started({ shards: 4, fresh: true });
    expect(fresh.output()).toContain('2 nodes, 4 shards');
    expect(journal().filter((line) => line === 'node-1 started')).toHaveLength(1);
  },
  TIMEOUT_MS,
);

test(
  'a directory that is not ours is neither used nor wiped',
  async () => {
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'thesis.tex'), 'years of work');
    const run = start({ fresh: true });
    expect(await run.ended).toBe(1);
    expect(run.output()).toContain("holds files that are not Driftless's (thesis.tex)");
    expect(existsSync(join(dataDir, 'thesis.tex'))).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  'a child that is misconfigured ends the start, with its last words, and nothing is left running',
  async () => {
    const run = start({}, 'node-2=misconfigured');
    expect(await run.ended).toBe(1);
    expect(run.output()).toContain('node-2 died while starting; its log ends with: DRIFTLESS_SHARDS is "x"');
    expect(listRunFiles(join(dataDir, 'run')).size).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  'says what it waits for, and a stop ends the waiting',
  async () => {
    const run = start({}, 'node-1=never-ready');
    await says(run, 'waiting for node-1 (for its shards)');
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(0);
    expect(run.output()).not.toContain('Driftless is ready');
  },
  TIMEOUT_MS,
);
