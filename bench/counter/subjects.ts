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
  stop(): Promise<void>;
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
    return { ...subjectOf('Driftless', replicas, target), cluster: target };
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
