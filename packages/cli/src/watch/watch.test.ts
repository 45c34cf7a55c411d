import type { WatchEvent, WatchOptions } from '@driftless/client';
import { describe, expect, it } from 'vitest';
import { Collected } from '../output/collected.ts';
import { watch } from './watch.ts';

const common = { shard: 0, committedAt: '1970-01-01T00:00:00.000Z' };
const events: WatchEvent[] = [
  {
    ...common,
    type: 'put',
    token: 't1',
    key: 'a',
    version: '1-2',
    contentType: 'application/json',
    value: [1],
  },
  {
    ...common,
    type: 'put',
    token: 't2',
    key: 'b\n',
    version: '1-3',
    contentType: 'text/plain',
    value: 'x\ny',
  },
  {
    ...common,
    type: 'put',
    token: 't3',
    key: 'c',
    version: '1-4',
    contentType: 'image/png',
    valueBase64: '/w==',
  },
  { ...common, type: 'delete', token: 't4', key: 'a', version: '1-5' },
];

async function run(json: boolean) {
  const out = new Collected();
  const err = new Collected();
  const asked: WatchOptions[] = [];
  const client = {
    async *watch(options: WatchOptions) {
      asked.push(options);
      options.onToken?.('t0');
      for (const event of events) {
        options.onToken?.(event.token);
        yield event;
      }
    },
  };
  const terminal = { out, err, env: {} };
  const paint = (_: string, text: string) => text;
  await watch({ client, terminal, paint }, { prefix: 'p', json }, new AbortController().signal);
  return { lines: out.text.split('\n').slice(0, -1), notes: err.text, asked };
}

describe('watch', () => {
  it('prints a line a change, whatever is in it, and where to go on', async () => {
    const { lines, notes, asked } = await run(false);
    expect(lines).toEqual([
      'put\t1-2\ta\t[1]',
      'put\t1-3\tb\\u000a\tx\\u000ay',
      'put\t1-4\tc\t(image/png)',
      'del\t1-5\ta',
    ]);
    expect(notes).toBe('watching; Ctrl-C ends it\ngo on with --after t4\n');
    expect(asked[0]).toMatchObject({ prefix: 'p' });
  });

  it('names no place to go on from when it has not begun', async () => {
    const err = new Collected();
    const client = {
      async *watch(): AsyncGenerator<WatchEvent> {
        yield await Promise.reject<WatchEvent>(new Error('refused'));
      },
    };
    const context = {
      client,
      terminal: { out: err, err, env: {} },
      paint: (_: string, text: string) => text,
    };
    const watching = watch(context, { after: 'x' }, new AbortController().signal);
    await expect(watching).rejects.toThrow('refused');
    expect(err.text).toBe('');
  });

  it('prints events as JSON', async () => {
    const { lines } = await run(true);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(events);
  });
});
