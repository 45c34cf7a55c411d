/**
 * The node's own routes (contracts/hop.ts): what gateways and peers ask of it. Bodies are frames; an
 * operation that fails has its error in the answer, so one bad key doesn't fail the requests gathered with
 * it.
 */
import { Buffer } from 'node:buffer';
import { createReadStream, statSync, unlink } from 'node:fs';
import { Readable } from 'node:stream';
import { formatDigest, frameContentType, rowsHeaderSchema } from '@driftless/contracts';
import type { HotRoute, HttpServer } from '@driftless/runtime';
import { z } from 'zod';
import { CaughtUp } from '../core/caught-up.ts';
import type { StoreNode } from '../node.ts';
import { rowOf } from '../shard/reader.ts';
import { addAdminRoutes } from './admin.ts';
import { answerList, answerRead, answerRows, answerWrite, copyFor } from './answers.ts';
import { addAntiEntropyRoutes } from './anti-entropy.ts';
import { addLogRoute } from './log.ts';

const shardParams = z.object({ shard: z.coerce.number().int().min(0) });
/** Largest body that a gateway sends: a lane's batch, with headers. */
export const frameBytesMax = 8 * 1024 * 1024;
/** Bytes of NDJSON that a dump gathers before it sends them. */
const dumpChunkBytes = 64 * 1024;
/** Bytes of a copy that are read from disk at a time. */
const snapshotChunkBytes = 1024 * 1024;

export function addRoutes(app: HttpServer, serving: () => StoreNode): void {
  app.addContentTypeParser(frameContentType, { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  app.get('/node/v1/status', () => serving().status());
  addCaughtUpRoute(app, serving);
  addHotRoutes(app, serving);
  addPeerRoutes(app, serving);
  addAdminRoutes(app, serving);
  addLogRoute(app, serving);
  addAntiEntropyRoutes(app, serving);
}

/** For whoever replaces nodes one by one. */
function addCaughtUpRoute(app: HttpServer, serving: () => StoreNode): void {
  const caughtUp = new CaughtUp();
  app.get('/node/v1/caught-up', (_request, reply) => {
    const { ok, reason } = serving().ready();
    if (!ok) return reply.code(503).send({ status: 'not yet', reason });
    const behind = caughtUp.behind(serving().status());
    if (behind === undefined) return reply.send({ status: 'caught up' });
    return reply.code(503).send({ status: 'not yet', reason: `shard ${behind} was never near its leader` });
  });
}

/**
 * What gateways ask: these go past the framework where they are plain (runtime/http-plain.ts). Listings are
 * rarer, but come on the same connections, which one request that isn't plain would end that for.
 */
export function hotRoutes(serving: () => StoreNode): HotRoute[] {
  const options = { method: 'POST', bodyBytesMax: frameBytesMax, contentType: frameContentType } as const;
  return [
    {
      ...options,
      url: '/node/v1/write',
      handler: async ({ body }, reply) => {
        const answer = await answerWrite(serving(), body as Buffer);
        reply.type('application/json; charset=utf-8').send(JSON.stringify(answer));
      },
    },
    {
      ...options,
      url: '/node/v1/read',
      handler: async ({ body }, reply) => {
        reply.type(frameContentType).send(await answerRead(serving(), body as Buffer));
      },
    },
    {
      ...options,
      url: '/node/v1/list',
      handler: async ({ body }, reply) => {
        reply.type(frameContentType).send(await answerList(serving(), body as Buffer));
      },
    },
  ];
}

function addHotRoutes(app: HttpServer, serving: () => StoreNode): void {
  for (const { method, url, handler } of hotRoutes(serving)) {
    app.route({ method, url, handler: (request, reply) => handler(request, reply) });
  }
}

function addPeerRoutes(app: HttpServer, serving: () => StoreNode): void {
  app.post(
    '/node/v1/shards/:shard/rows',
    { schema: { params: shardParams, body: rowsHeaderSchema } },
    async (request, reply) => {
      const answer = await answerRows(serving().replica(request.params.shard), request.body.keys);
      return reply.type(frameContentType).send(answer);
    },
  );

  app.get('/node/v1/shards/:shard/snapshot', { schema: { params: shardParams } }, async (request, reply) => {
    const file = await copyFor(serving().replica(request.params.shard));
    const stream = createReadStream(file, { highWaterMark: snapshotChunkBytes });
    // The name can go as soon as the file is open: what is sent is the open file.
    stream.once('open', () => unlink(file, () => undefined));
    return reply.type('application/vnd.sqlite3').header('content-length', statSync(file).size).send(stream);
  });

  app.get('/node/v1/shards/:shard/dump', { schema: { params: shardParams } }, (request, reply) => {
    const lines = dumpLines(serving(), request.params.shard);
    return reply.type('application/x-ndjson').send(Readable.from(chunked(lines), { objectMode: false }));
  });
}

function* dumpLines(node: StoreNode, shard: number): Generator<string> {
  const snapshot = node.replica(shard).context.store.snapshot();
  try {
    const { applied: position, root } = snapshot.state;
    yield `${JSON.stringify({ node: node.id, shard, position, root: formatDigest(root) })}\n`;
    for (const entry of snapshot.entries) {
      const { bytes: _, ...row } = rowOf(entry);
      const { buffer, byteOffset, length } = entry.value;
      const value = Buffer.from(buffer, byteOffset, length).toString('base64');
      yield `${JSON.stringify({ ...row, value })}\n`;
    }
  } finally {
    snapshot.close();
  }
}

function* chunked(lines: Iterable<string>): Generator<string> {
  let chunk = '';
  for (const line of lines) {
    chunk += line;
    if (chunk.length < dumpChunkBytes) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
