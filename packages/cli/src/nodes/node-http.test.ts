import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOfStream } from 'node:stream/consumers';
import { DriftlessError, type DumpRow, encodeFrame, problemOf } from '@driftless/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { type Dump, openDump, readAtNode, readLog, scrub } from './node-http.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const head = { node: 'node-1', shard: 3, position: { epoch: 1, seq: 2 }, root: '0'.repeat(32) };
const row = (key: string): DumpRow => {
  return { key, version: { epoch: 1, seq: 1 }, tombstone: false, type: '', expiresAt: null, value: '' };
};
async function keysOf({ rows }: Dump): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of rows) keys.push(key);
  return keys;
}
const ndjson = (...lines: object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

describe('a dump', () => {
  it('is its head, then its rows as they come', async () => {
    const url = await serve((request, response) => {
      expect(`${request.method} ${request.url}`).toBe('GET /node/v1/shards/3/dump');
      response.end(ndjson(head, row('a'), row('b')));
    });
    const dump = await openDump(url, 3);
    expect(dump.head).toEqual(head);
    expect(await keysOf(dump)).toEqual(['a', 'b']);
  });

  it('that breaks off is an error, never a short dump', async () => {
    const url = await serve((_request, response) => {
      response.write(ndjson(head, row('a')), () => response.destroy());
    });
    const dump = await openDump(url, 3);
    await expect(keysOf(dump)).rejects.toThrow();
  });

  it.each([
    ['an empty dump', ''],
    ['a head that is none', ndjson({ node: 'x' })],
    ['no JSON', 'hello\n'],
  ])('%s is an error', async (_what, body) => {
    const url = await serve((_request, response) => void response.end(body));
    await expect(openDump(url, 3)).rejects.toThrow(/dump/);
  });

  it('with a row that is none is an error that names the line', async () => {
    const url = await serve((_request, response) => void response.end(ndjson(head, row('a'), { key: 'b' })));
    const dump = await openDump(url, 3);
    await expect(keysOf(dump)).rejects.toThrow(/^line 3 of the dump/);
  });

  it('that nobody reads to the end can be closed', async () => {
    let closed = () => {};
    const whenClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const url = await serve((_request, response) => {
      response.on('close', closed);
      response.write(ndjson(head, row('a')));
    });
    (await openDump(url, 3)).close();
    await whenClosed;
  });
});

describe('a node', () => {
  it('gives log events cut by their lengths', async () => {
    const answer = {
      applied: { epoch: 1, seq: 9 },
      confirmedSeq: 9,
      firstSeq: 1,
      epochs: [],
      events: [2, 3],
    };
    const url = await serve((request, response) => {
      expect(request.url).toBe('/node/v1/shards/0/log?after=7&bytes=1000');
      response.end(encodeFrame(answer, [Buffer.from('ab'), Buffer.from('cde')]));
    });
    const page = await readLog(url, 0, 7, 1000);
    expect(page.events.map((event) => Buffer.from(event).toString())).toEqual(['ab', 'cde']);
    expect(page.firstSeq).toBe(1);
  });

  it('gives values beside the results that were found', async () => {
    const found = { found: true, version: '1-1', type: '', bytes: 2 };
    const results = [{ error: 'not-leader', detail: 'no' }, { found: false }, found];
    const url = await serve(async (request, response) => {
      expect(JSON.parse(await textOfStream(request))).toMatchObject({ reads: [{ key: 'k' }] });
      response.end(encodeFrame({ node: 'node-1', standings: [], results }, [Buffer.from('ok')]));
    });
    const { values } = await readAtNode(url, [{ shard: 0, key: 'k', level: 'eventual' }]);
    expect(values.map((value) => value && Buffer.from(value).toString())).toEqual([
      undefined,
      undefined,
      'ok',
    ]);
  });

  it('that refuses says why; one that is away is named', async () => {
    const url = await serve((_request, response) => {
      const problem = problemOf(new DriftlessError('replica-unavailable', 'The shard is halted.'));
      response.writeHead(problem.status).end(JSON.stringify(problem));
    });
    await expect(scrub(url, 0)).rejects.toMatchObject({
      code: 'replica-unavailable',
      message: 'The shard is halted.',
    });
    server?.close();
    server?.closeAllConnections();
    await expect(scrub('http://127.0.0.1:9', 0)).rejects.toThrow(/cannot reach the node at .*ECONNREFUSED/);
  });
});
