/** Counters behind HTTP: our cluster with so many gateways, the one in Flask, or one that runs elsewhere. */
import { startFlask } from '../peers/flask.ts';
import { peers } from '../peers/peers.ts';
import { ClusterTarget } from '../targets/cluster.ts';
import type { Charged, Target } from '../targets/target.ts';

export const path = '/api/counter/increment';
/** Before something is replaced: as an engine or `driftless up` would, after a moment. */
export const restartAfterSeconds = 3;

export interface Subject {
  name: string;
  replicas: number;
  addresses: readonly string[];
  /** Whose CPU time is counted; nobody's where they are not ours. */
  charged(): Promise<Charged[]>;
  /** So far: requests of gateways to nodes, and commits of leaders. */
  counts?(): Promise<Counts>;
  stop(): Promise<void>;
}

export interface Counts {
  requests: number;
  commits: number;
}

export interface Kind {
  name: string;
  replicas: number;
  obstacle(): string | undefined;
  start(): Promise<Subject & { cluster?: ClusterTarget }>;
}

const driftless = (replicas: number): Kind => ({
  name: 'Driftless',
  replicas,
  obstacle: () => undefined,
  start: async () => {
    const target = await ClusterTarget.start({ shards: 1 }, replicas);
    const subject = subjectOf('Driftless', replicas, target);
    return { ...subject, cluster: target, counts: () => countsOf(subject.addresses, target) };
  },
});

const flask = (replicas: 1 | 4): Kind => ({
  name: 'Flask and Redis',
  replicas,
  obstacle: () => peers[`flask-${replicas}`].obstacle(),
  start: async () => subjectOf('Flask and Redis', replicas, await startFlask(replicas)),
});

export const kinds: readonly Kind[] = [driftless(1), driftless(4), flask(1), flask(4)];

function subjectOf(name: string, replicas: number, target: Target): Subject {
  return {
    name,
    replicas,
    addresses: target.ports.map((port) => `127.0.0.1:${port}`),
    charged: () => target.charged(),
    stop: () => target.stop(),
  };
}

async function countsOf(gateways: readonly string[], { cluster }: ClusterTarget): Promise<Counts> {
  const nodes = cluster.nodes.map(({ name }) => cluster.nodeUrl(name));
  const [requests, commits] = await Promise.all([
    sumOf(
      'gateway_batch_operations_count',
      gateways.map((address) => `http://${address}`),
    ),
    sumOf('leader_commit_duration_seconds_count', nodes),
  ]);
  return { requests, commits };
}

/** Of all series of a metric, of all these processes. */
async function sumOf(metric: string, urls: readonly string[]): Promise<number> {
  const series = new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, 'gm');
  const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()));
  const found = texts.flatMap((text) => [...text.matchAll(series)].map(([, value]) => Number(value)));
  return found.reduce((sum, value) => sum + value, 0);
}

export function external(urls: readonly string[]): Kind {
  const addresses = urls.map((url) => {
    const { hostname, port } = new URL(url);
    return `${hostname}:${port || '80'}`;
  });
  const subject = { name: urls.join(', '), replicas: urls.length, addresses };
  return {
    ...subject,
    obstacle: () => undefined,
    start: async () => ({ ...subject, charged: async () => [], stop: async () => {} }),
  };
}

/** Of the counter, by an increment of our own: each kind has that, and it is exact. */
export async function incremented({ addresses }: Subject): Promise<number> {
  const answer = await fetch(`http://${addresses[0]}${path}`, { method: 'POST' });
  const text = await answer.text();
  const value = (JSON.parse(text) as { value?: unknown }).value;
  if (!answer.ok || typeof value !== 'number') throw new Error(`POST ${path}: ${answer.status} ${text}`);
  return value;
}
