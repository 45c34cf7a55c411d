import { expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from './config.ts';
import { natsConfigShape, natsLinkOptions } from './nats-config.ts';

const schema = z.object(natsConfigShape);
const linkOf = (env: Record<string, string>) => natsLinkOptions(loadConfig(schema, { env }));

it('asks for nothing but an address where nothing else is given', () => {
  expect(linkOf({})).toEqual({ url: 'nats://127.0.0.1:7422' });
});

it('hands files on, and encrypts as soon as there is one to check by', () => {
  expect(linkOf({ DRIFTLESS_NATS_CREDS: '/a.creds' })).toMatchObject({ creds: '/a.creds' });
  expect(linkOf({ DRIFTLESS_NATS_CREDS: '/a.creds' })).not.toHaveProperty('tls');
  const env = { DRIFTLESS_NATS_CA: '/ca', DRIFTLESS_NATS_CERT: '/cert', DRIFTLESS_NATS_KEY: '/key' };
  expect(linkOf(env).tls).toEqual({ caFile: '/ca', certFile: '/cert', keyFile: '/key' });
});
