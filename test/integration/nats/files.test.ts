/** A NATS that asks for a certificate: the connection is made with the files of one, and not without. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectNats, createLogger, freePort } from '@driftless/runtime';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { natsServerBinary } from '../../harness/nats.ts';
import { TestProcess } from '../../harness/process.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

const logger = createLogger({ process: 'test', instance: 'test', level: 'silent' });

let dir: string;
let port: number;
let server: TestProcess;

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
}

beforeEach(async () => {
  if (!hasOpenssl) return;
  dir = mkdtempSync(join(tmpdir(), 'driftless-tls-'));
  port = await freePort();
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', 'key'];
  openssl('req', '-x509', ...key, '-out', 'cert', '-days', '2', ...name);
  const [cert, keyFile] = [join(dir, 'cert'), join(dir, 'key')];
  const tls = `tls { cert_file: "${cert}", key_file: "${keyFile}", ca_file: "${cert}", verify: true }`;
  const config = join(dir, 'nats.conf');
  writeFileSync(config, `listen: "127.0.0.1:${port}"\n${tls}\n`);
  server = new TestProcess({ name: 'nats', command: natsServerBinary(), args: ['-c', config], env: {} }, dir);
  server.start();
});
afterEach(async () => {
  await server?.end();
  if (dir) rmSync(dir, { recursive: true });
});

it.skipIf(!hasOpenssl)('lets in who shows a certificate, and nobody else', async () => {
  const [caFile, certFile, keyFile] = ['cert', 'cert', 'key'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const url = `tls://127.0.0.1:${port}`;
  const link = await connectNats({ url, name: 'test', logger, tls: { caFile, certFile, keyFile } });
  expect(link.isConnected()).toBe(true);
  await link.close();
  const signal = AbortSignal.timeout(3000);
  await expect(connectNats({ url, name: 'test', logger, tls: { caFile }, signal })).rejects.toThrow();
});
