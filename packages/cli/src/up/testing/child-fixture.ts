/**
 * A small process in place of a node, a gateway or nats-server: keeps its run file, answers `/readyz`, and
 * writes into a common journal when it starts and stops. `FIXTURE_BEHAVIOUR` names what is wrong with it,
 * as `name=behaviour` pairs.
 */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { removeRunFile, writeRunFile } from '@driftless/runtime';

const {
  DRIFTLESS_RUN_DIR: runDir = '',
  DRIFTLESS_DATA_DIR: dataDir = '',
  DRIFTLESS_PORT = '0',
} = process.env;
const name = process.argv[2] ?? '';
const behaviours = new Map(
  (process.env.FIXTURE_BEHAVIOUR ?? '').split(',').map((pair) => pair.split('=') as [string, string]),
);
const behaviour = behaviours.get(name);
const journal = (what: string): void => appendFileSync(join(dataDir, 'journal'), `${name} ${what}\n`);

if (behaviour === 'misconfigured') {
  process.stderr.write('DRIFTLESS_SHARDS is "x"\n');
  process.exit(2);
}
journal('started');
const server = createServer((_request, response) => {
  response.statusCode = behaviour === 'never-ready' ? 503 : 200;
  response.end(JSON.stringify({ reason: 'for its shards' }));
});
server.listen(Number(DRIFTLESS_PORT), '127.0.0.1', () => {
  writeRunFile(runDir, name, {
    pid: process.pid,
    port: Number(DRIFTLESS_PORT),
    startedAt: new Date().toISOString(),
  });
});
process.on('SIGTERM', () => {
  if (behaviour === 'stubborn') return;
  journal('stopped');
  removeRunFile(runDir, name, process.pid);
  process.exit(0);
});
