/**
 * The log route: confirmed batches after a seq, at once or as soon as there are some. Peers catch up from
 * it, and gateways follow it for their watchers.
 */
import { encodeFrame, eventOperationsMax, frameContentType, logWaitMsMax } from '@driftless/contracts';
import type { HttpServer } from '@driftless/runtime';
import { z } from 'zod';
import type { StoreNode } from '../node.ts';
import type { ShardReplica } from '../shard/replica.ts';
import type { ShardStore } from '../store/port.ts';

const params = z.object({ shard: z.coerce.number().int().min(0) });
const whole = (min: number) => z.coerce.number().int().min(min);
const query = z.object({
  after: whole(0),
  bytes: whole(1).default(1024 * 1024),
  waitMs: whole(0).max(logWaitMsMax).default(0),
});

export function addLogRoute(app: HttpServer, serving: () => StoreNode): void {
  const closing = new AbortController();
  app.addHook('preClose', (done) => {
    closing.abort();
    done();
  });
  const schema = { params, querystring: query };
  app.get('/node/v1/shards/:shard/log', { schema }, async (request, reply) => {
    const replica = serving().replica(request.params.shard);
    const { after, bytes, waitMs } = request.query;
    const { state, confirmedWaits } = replica.context;
    if (waitMs > 0 && state.confirmedSeq <= after) {
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      await confirmedWaits.wait(after, waitMs, AbortSignal.any([closing.signal, gone.signal]));
    }
    return reply.type(frameContentType).send(logPage(replica, after, bytes));
  });
}

function logPage(replica: ShardReplica, after: number, bytes: number): Uint8Array {
  const { store, state } = replica.context;
  const { applied, confirmedSeq } = state;
  const from = confirmedSeq > after ? batchEndBefore(store, after) : after;
  // What the stream has not confirmed may still be cut: nobody must build on it.
  const events = store
    .log(from, bytes)
    .filter(({ lastSeq }) => lastSeq <= confirmedSeq)
    .map(({ event }) => event);
  const range = store.logRange();
  const header = {
    applied,
    confirmedSeq,
    ...(range && { firstSeq: range.firstSeq }),
    epochs: store.epochs().filter(({ firstSeq }) => firstSeq <= confirmedSeq),
    events: events.map((event) => event.length),
  };
  return encodeFrame(header, events);
}

/** The last seq at or before `seq` that ends a batch: a watcher may have seen half of one. */
function batchEndBefore(store: ShardStore, seq: number): number {
  for (let first = seq + 1; first > seq + 1 - eventOperationsMax; first -= 1) {
    if (store.logAt(first)) return first - 1;
  }
  return seq;
}
