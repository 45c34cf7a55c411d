/**
 * The log route: confirmed batches after a seq, at once or as soon as there are some. Peers catch up from
 * it, and gateways follow it for their watchers.
 */
import { frameContentType, logWaitMsMax } from '@driftless/contracts';
import type { HttpServer } from '@driftless/runtime';
import { z } from 'zod';
import type { StoreNode } from '../node.ts';
import { answerLog } from './answers.ts';

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
    return reply.type(frameContentType).send(answerLog(replica, after, bytes));
  });
}
