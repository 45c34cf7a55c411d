/**
 * What a user would pick instead, a line each. A peer whose server is not installed is skipped, and the
 * report says why.
 */
import type { Target } from '../targets/target.ts';
import { startEtcd } from './etcd.ts';
import { counterApp, startFlask } from './flask.ts';
import { startNatsKv } from './nats-kv.ts';
import { startRedis } from './redis.ts';
import { absent } from './servers.ts';

export type PeerName = 'etcd' | 'nats-kv' | 'redis' | 'redis-wait' | 'flask-1' | 'flask-4';

export interface Peer {
  /** What it is and what it promises, for the report. */
  title: string;
  /** Why it can't be measured here. */
  obstacle(): string | undefined;
  start(): Promise<Target>;
}

const redisObstacle = (): string | undefined => absent('redis-server');
const flaskObstacle = (): string | undefined =>
  redisObstacle() ?? absent('gunicorn', '--check-config', ...counterApp);

export const peers: Record<PeerName, Peer> = {
  etcd: {
    title: 'etcd, 3 nodes, by its HTTP gateway, requests to the leader: on disk at a majority',
    obstacle: () => absent('etcd'),
    start: startEtcd,
  },
  'nats-kv': {
    title: 'NATS KV, 1 replica, behind the same Fastify: accepted by JetStream',
    obstacle: () => undefined,
    start: startNatsKv,
  },
  redis: {
    title: 'Redis, AOF always, 2 replicas, behind the same Fastify, waiting for none of them',
    obstacle: redisObstacle,
    start: () => startRedis(0),
  },
  'redis-wait': {
    title: 'Redis, AOF always, 2 replicas, behind the same Fastify, `WAIT 1` after each write',
    obstacle: redisObstacle,
    start: () => startRedis(1),
  },
  'flask-1': {
    title: 'A counter in Flask and Redis (AOF each second, 2 replicas), 1 gunicorn worker',
    obstacle: flaskObstacle,
    start: () => startFlask(1),
  },
  'flask-4': {
    title: 'The same with 4 workers',
    obstacle: flaskObstacle,
    start: () => startFlask(4),
  },
};
