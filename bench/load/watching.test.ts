import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { EventScanner } from './event-scanner.ts';
import { Watchers } from './watchers-process.ts';

const ready = 'event: ready\nid: t\ndata: {"shards":1}\n\n';
const put = (committedAtMs: number): string => {
  const data = { key: 'k', version: '1-1', value: 'x', shard: 0, committedAt: new Date(committedAtMs) };
  return `event: put\nid: t\ndata: ${JSON.stringify(data)}\n\n`;
};

describe('an event scanner', () => {
  it('finds each change once, wherever chunks end', () => {
    const times = [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_001];
    const text = Buffer.from(ready + times.map(put).join(': heartbeat\n\n'));
    for (let size = 1; size <= text.length; size += 1) {
      const scanner = new EventScanner();
      const found: number[] = [];
      for (let at = 0; at < text.length; at += size)
        found.push(...scanner.read(text.subarray(at, at + size)));
      expect(found).toEqual(times);
    }
  });

  it('keeps what it needs of a chunk that is written over', () => {
    const scanner = new EventScanner();
    const [text, buffer] = [put(5), Buffer.alloc(1000)];
    const found = [text.slice(0, -20), text.slice(-20)].flatMap((part) => {
      buffer.fill(0);
      return scanner.read(buffer.subarray(0, buffer.write(part)));
    });
    expect(found).toEqual([5]);
  });
});

describe('watchers', () => {
  let server: Server;
  let watchers: Watchers | undefined;
  afterEach(async () => {
    await watchers?.stop();
    server.closeAllConnections();
    server.close();
  });

  async function portOf(onWatch: (response: ServerResponse) => void): Promise<number> {
    server = createServer((_, response) => onWatch(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  it('count what comes to all of them after they began, and how old it is', async () => {
    const streams: ServerResponse[] = [];
    const port = await portOf((response) => {
      streams.push(response);
      response.writeHead(200).write(ready);
    });
    watchers = await Watchers.start({ ports: [port], prefix: 'a b', watchers: 150 });
    expect(streams).toHaveLength(150);
    for (const stream of streams) stream.write(put(0));
    expect((await watchers.report(150, 10_000)).events).toBe(150);

    watchers.begin();
    const ageMs = 500;
    for (const stream of streams) stream.write(put(Date.now() - ageMs));
    const report = await watchers.report(150, 10_000);
    expect(report.events).toBe(150);
    expect(report.p50Ms).toBeGreaterThanOrEqual(ageMs);
    expect(report.p50Ms).toBeLessThan(10 * ageMs);
    expect(report.p99Ms).toBeGreaterThanOrEqual(report.p50Ms);
    expect((await watchers.report(151, 50)).events).toBe(150);
  });

  it('end when one of them is refused', async () => {
    const port = await portOf((response) => response.writeHead(429).end());
    await expect(Watchers.start({ ports: [port], prefix: '', watchers: 1 })).rejects.toThrow('ended');
  });
});
