#!/usr/bin/env node
/**
 * In place of Prometheus and of Alertmanager: listens where it is told, says that it is ready, and gives out
 * the configuration that it was started with. Plain JavaScript: it is run by whatever `node` is on PATH.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const option = (name) =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=', 2)[1] ?? '';
const [host, port] = option('web.listen-address').split(':');
createServer((request, response) => {
  response.end(request.url === '/-/ready' ? 'ready' : readFileSync(option('config.file')));
}).listen(Number(port), host);
process.on('SIGTERM', () => process.exit(0));
