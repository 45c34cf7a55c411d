/**
 * How a process is told where NATS is, and what it shows there: the same variables for every process. Files
 * are read at each connection, so that certificates and credentials may be renewed while it runs.
 */
import { z } from 'zod';
import type { NatsLinkOptions } from './nats.ts';

const file = (description: string) => z.string().min(1).optional().describe(description);

/** To be spread into the schema of a process. */
export const natsConfigShape = {
  natsUrl: z
    .string()
    .min(1)
    .default('nats://127.0.0.1:7422')
    .describe('NATS servers, comma-separated: nats://host:port, or tls://host:port'),
  natsCreds: file('File with the credentials that NATS asks for (JWT and seed)'),
  natsCa: file('File with the certificates that NATS is checked by; default: those that Node trusts'),
  natsCert: file('File with the certificate that this process shows to NATS'),
  natsKey: file('File with the key of that certificate'),
};

type NatsConfig = z.output<z.ZodObject<typeof natsConfigShape>>;

/** For `connectNats`. */
export function natsLinkOptions(config: NatsConfig): Pick<NatsLinkOptions, 'url' | 'creds' | 'tls'> {
  const { natsUrl: url, natsCreds: creds, natsCa: caFile, natsCert: certFile, natsKey: keyFile } = config;
  const tls = {
    ...(caFile !== undefined && { caFile }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
  };
  return { url, creds, ...(Object.keys(tls).length > 0 && { tls }) };
}
