/** Whether JetStream answers, and which server it is: asked by a connection, so it holds for any server. */
import { connectNats, createLogger } from '@driftless/runtime';
import { z } from 'zod';

const silent = createLogger({ process: 'cli', instance: 'up', level: 'silent' });
const REQUEST_TIMEOUT_MS = 1_000;
/** As much of `io.nats.jetstream.api.v1.account_info_response` as we need. */
const accountInfoSchema = z.object({ error: z.object({ description: z.string() }).optional() });

/** The server's version. Throws when there is none, or it has no JetStream. */
export async function probeJetStream(url: string, signal: AbortSignal): Promise<string> {
  const { nc, close } = await connectNats({ url, name: 'driftless-up', logger: silent, signal });
  try {
    const answer = await nc.request('$JS.API.INFO', '', { timeout: REQUEST_TIMEOUT_MS });
    const { error } = accountInfoSchema.parse(answer.json());
    if (error !== undefined) throw new Error(`JetStream: ${error.description}`);
    return nc.info?.version ?? 'unknown';
  } finally {
    await close();
  }
}
