import type { ListedEntry } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { Collected } from '../output/collected.ts';
import type { Terminal } from '../output/terminal.ts';
import { list } from './list.ts';

const entries = Array.from({ length: 25 }, (_, i): ListedEntry => {
  const key = `k${String(i).padStart(2, '0')}`;
  return { key, version: `1-${i}`, contentType: 'application/json', bytes: 5, value: { i } };
});

async function run(
  options: Partial<Parameters<typeof list>[1]>,
): Promise<{ lines: string[]; asked: number[] }> {
  const asked: number[] = [];
  const out = new Collected();
  const terminal: Terminal = { out, err: out, env: {} };
  const client = {
    async list({ limit, cursor = '0' }: { limit: number; cursor: string | undefined }) {
      asked.push(limit);
      const end = Number(cursor) + limit;
      return {
        entries: entries.slice(Number(cursor), end),
        next: end < entries.length ? String(end) : undefined,
      };
    },
  };
  await list({ client, terminal }, { prefix: '', page: 10, ...options });
  return { lines: out.text.split('\n').slice(0, -1), asked };
}

describe('list', () => {
  it('goes on page by page to the end, each key once', async () => {
    const { lines, asked } = await run({ keysOnly: true });
    expect(lines).toEqual(entries.map(({ key }) => key));
    expect(asked).toEqual([10, 10, 10]);
  });

  it('stops at the limit without asking for more than it prints', async () => {
    const { lines, asked } = await run({ keysOnly: true, limit: 13 });
    expect(lines).toHaveLength(13);
    expect(asked).toEqual([10, 3]);
  });

  it('prints a value on its line, or the entry as JSON', async () => {
    expect((await run({ limit: 1 })).lines).toEqual(['k00\t{"i":0}']);
    expect(JSON.parse((await run({ limit: 1, json: true })).lines[0] ?? '')).toEqual(entries[0]);
  });
});
