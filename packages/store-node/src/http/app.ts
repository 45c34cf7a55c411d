/**
 * The node's own routes (contracts/hop.ts): what gateways and peers ask of it. Bodies are frames; an
 * operation that fails has its error in the answer, so one bad key doesn't fail the requests gathered with
 * it.
 */
import { Buffer } from 'node:buffer';
import { createReadStream, statSync, unlink } from 'node:fs';
import { Readable } from 'node:stream';
import {
  DriftlessError,
  decodeFrame,
  encodeFrame,
  formatDigest,
  frameContentType,
  type HopRead,
  listHeaderSchema,
  PayloadReader,
  problemOf,
  readHeaderSchema,
  rowsHeaderSchema,
  writeHeaderSchema,
} from '@driftless/contracts';
import type { HttpServer } from '@driftless/runtime';
import { z } from 'zod';
import type { WriteRequest } from '../core/plan.ts';
import type { StoreNode } from '../node.ts';
import {
  listKeys,
  type ReadOutcome,
  readKey,
  requireHealthy,
  rowOf,
  rowsOf,
  standingOf,
} from '../shard/reader.ts';
import type { ShardReplica } from '../shard/replica.ts';
import { scrub } from '../shard/scrub.ts';
import { writeAfterSessions } from '../shard/session-writes.ts';
import { addAdminRoutes } from './admin.ts';
import { addLogRoute } from './log.ts';

const emptyValue = new Uint8Array(0);
const shardParams = z.object({ shard: z.coerce.number().int().min(0) });
/** Bytes of NDJSON that a dump gathers before it sends them. */
const dumpChunkBytes = 64 * 1024;

export function addRoutes(app: HttpServer, serving: () => StoreNode): void {
  app.addContentTypeParser(frameContentType, { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  app.get('/node/v1/status', () => serving().status());
  addHotRoutes(app, serving);
  addPeerRoutes(app, serving);
  addAdminRoutes(app, serving);
  addLogRoute(app, serving);
}

function addHotRoutes(app: HttpServer, serving: () => StoreNode): void {
  app.post('/node/v1/write', async (request, reply) => {
    const { header, body } = decodeFrame(request.body as Buffer);
    const { shard, ack, timeoutMs, operations } = writeHeaderSchema.parse(header);
    const payloads = new PayloadReader(body);
    const requests = operations.map((operation): WriteRequest => {
      return { operation, value: operation.op === 'put' ? payloads.take(operation.bytes) : emptyValue };
    });
    payloads.finish();
    const answer = await writeAfterSessions(serving().replica(shard), requests, { ack, timeoutMs });
    return reply.type('application/json').send(JSON.stringify(answer));
  });

  app.post('/node/v1/read', async (request, reply) => {
    const node = serving();
    const { reads } = readHeaderSchema.parse(decodeFrame(request.body as Buffer).header);
    const outcomes = await Promise.all(reads.map((read) => outcomeOf(node, read)));
    const shards = new Set(reads.map(({ shard }) => shard));
    const standings = [...shards].flatMap((shard) =>
      node.has(shard) ? standingOf(node.replica(shard)) : [],
    );
    const header = { node: node.id, standings, results: outcomes.map(({ result }) => result) };
    const values = outcomes.flatMap(({ value }) => value ?? []);
    return reply.type(frameContentType).send(encodeFrame(header, values));
  });

  app.post('/node/v1/list', async (request, reply) => {
    const node = serving();
    const query = listHeaderSchema.parse(decodeFrame(request.body as Buffer).header);
    const { answer, values } = await listKeys(node.replica(query.shard), query);
    return reply.type(frameContentType).send(encodeFrame({ node: node.id, ...answer }, values));
  });
}

async function outcomeOf(node: StoreNode, read: HopRead): Promise<ReadOutcome> {
  try {
    return await readKey(node.replica(read.shard), read.key, read);
  } catch (error) {
    if (!(error instanceof DriftlessError)) throw error;
    const { code, detail, lost, stalenessMs } = problemOf(error);
    const more = { ...(lost && { lost }), ...(stalenessMs !== undefined && { stalenessMs }) };
    return { result: { error: code, detail, ...more }, value: undefined };
  }
}

function addPeerRoutes(app: HttpServer, serving: () => StoreNode): void {
  app.post(
    '/node/v1/shards/:shard/rows',
    { schema: { params: shardParams, body: rowsHeaderSchema } },
    async (request, reply) => {
      const replica = serving().replica(request.params.shard);
      const found = await rowsOf(replica, request.body.keys);
      const header = { position: replica.context.state.applied, rows: found.map(({ row }) => row) };
      return reply.type(frameContentType).send(
        encodeFrame(
          header,
          found.map(({ value }) => value),
        ),
      );
    },
  );

  app.get('/node/v1/shards/:shard/snapshot', { schema: { params: shardParams } }, async (request, reply) => {
    const file = await copyFor(serving().replica(request.params.shard));
    const stream = createReadStream(file);
    // The name can go as soon as the file is open: what is sent is the open file.
    stream.once('open', () => unlink(file, () => undefined));
    return reply.type('application/vnd.sqlite3').header('content-length', statSync(file).size).send(stream);
  });

  app.get('/node/v1/shards/:shard/dump', { schema: { params: shardParams } }, (request, reply) => {
    const lines = dumpLines(serving(), request.params.shard);
    return reply.type('application/x-ndjson').send(Readable.from(chunked(lines), { objectMode: false }));
  });

  app.post('/node/v1/shards/:shard/scrub', { schema: { params: shardParams } }, async (request) => {
    const node = serving();
    return { node: node.id, ...(await scrub(node.replica(request.params.shard))) };
  });
}

/** Shards whose copy is being made; a second one would be made of the same bytes for nothing. */
const copying = new Set<number>();

async function copyFor(replica: ShardReplica): Promise<string> {
  const { files, store, shard } = replica.context;
  requireHealthy(replica);
  if (copying.has(shard)) throw new DriftlessError('overloaded', 'A snapshot of this shard is being made.');
  copying.add(shard);
  try {
    await files.copyOut(store);
    return files.outgoing;
  } finally {
    copying.delete(shard);
  }
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
