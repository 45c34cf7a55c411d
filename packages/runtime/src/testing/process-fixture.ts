/** A process for `process.test.ts`, which behaves as its argument says. */
import { createServer } from 'node:net';
import { z } from 'zod';
import { loadConfig } from '../config.ts';
import { type ProcessContext, runProcess } from '../process.ts';

const scenario = process.argv[2] ?? '';
const say = (words: string): boolean => process.stdout.write(`${words}\n`);
const never = (): Promise<void> => new Promise(() => {});

await runProcess('fixture', main, { drainTimeoutMs: scenario === 'stuck' ? 100 : 20_000 });

async function main({ onStop, stop }: ProcessContext): Promise<void> {
  if (scenario === 'throws') throw new Error('no');
  if (scenario === 'misconfigured')
    loadConfig(z.object({ port: z.number().int() }), { env: { DRIFTLESS_PORT: 'x' } });
  const server = createServer().listen(0);
  onStop(() => void say('storage closed'));
  onStop(scenario.startsWith('stuck') ? never : () => void say('edge closed'));
  if (scenario === 'stop-fails') onStop(() => Promise.reject(new Error('cannot stop')));
  if (scenario === 'stop-fails' || scenario === 'stops-itself') setImmediate(() => stop('done'));
  if (scenario === 'rejects-later') setImmediate(() => void Promise.reject(new Error('later')));
  if (scenario === 'throws-later') {
    setImmediate(() => {
      throw new Error('later');
    });
  }
  server.on('listening', () => say('started'));
}
