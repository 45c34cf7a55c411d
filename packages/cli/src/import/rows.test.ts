import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { mapperOf } from './mapping.ts';
import { type Format, type Row, rowsOf } from './rows.ts';

async function read(text: string | Buffer, format: Format, chunkBytes = 7): Promise<Row[]> {
  const bytes = Buffer.from(text);
  const chunks: Buffer[] = [];
  for (let i = 0; i < bytes.length; i += chunkBytes) chunks.push(bytes.subarray(i, i + chunkBytes));
  const rows: Row[] = [];
  for await (const some of rowsOf(Readable.from(chunks, { objectMode: false }), format)) rows.push(...some);
  return rows;
}
const brief = (rows: Row[]): unknown[] => rows.map(({ line, record, problem }) => [line, record ?? problem]);

describe('NDJSON', () => {
  it('is read row by row; bad rows keep their place and say why', async () => {
    const text = Buffer.concat([
      Buffer.from('\ufeff{"key":"a"}\r\n\n{"key":\n[1]\n"x"\nnull\n'),
      Buffer.from([0xff, 0x0a]),
      Buffer.from('{"key":"é"}'),
    ]);
    expect(brief(await read(text, 'ndjson'))).toEqual([
      [1, { key: 'a' }],
      [3, 'the line is not JSON'],
      [4, 'the line is not a JSON object'],
      [5, 'the line is not a JSON object'],
      [6, 'the line is not a JSON object'],
      [7, 'the line is not UTF-8'],
      [8, { key: 'é' }],
    ]);
  });
});

describe('CSV', () => {
  it('takes names from the header, quotes, line breaks in fields, and keeps bad rows in place', async () => {
    const text = 'id,name\n1,"a ""b"""\n2\n3,"two\nlines"\n4,x,y\n5,z"z\n6,end\n';
    expect(brief(await read(text, 'csv'))).toEqual([
      [2, { id: '1', name: 'a "b"' }],
      [3, 'the row does not have as many fields as the header'],
      [5, { id: '3', name: 'two\nlines' }],
      [6, 'the row does not have as many fields as the header'],
      [7, 'the quotes in the row are not well placed'],
      [8, { id: '6', name: 'end' }],
    ]);
  });

  it('ends with a bad row when the last quote never closes', async () => {
    const rows = await read('id\n1\n"2\n3', 'csv');
    expect(rows[0]?.record).toEqual({ id: '1' });
    expect(rows.at(-1)?.problem).toBe('a quoted field is not closed');
    expect(rows).toHaveLength(2);
  });
});

describe('mapping', () => {
  it('takes {key, value} as it is, and refuses fields that would be lost', () => {
    const map = mapperOf({ prefix: 'p/', ttlSeconds: 60 });
    expect(map({ key: 'a', value: { x: 1 } }, 1)).toMatchObject({
      operation: { op: 'put', key: 'p/a', value: { x: 1 }, ttl: 60 },
    });
    expect(map({ key: 'a', value: null, ttl: 5 }, 1)).toMatchObject({ operation: { value: null, ttl: 5 } });
    for (const bad of [{ value: 1 }, { key: 'a' }, { key: 'a', value: 1, extra: 2 }, { key: '', value: 1 }]) {
      expect(mapperOf({})(bad, 1), JSON.stringify(bad)).toHaveProperty('problem');
    }
    expect(map({ key: {}, value: 1 }, 1)).toHaveProperty('problem', expect.stringContaining('"key"'));
    expect(map({ key: 'a', value: 'x'.repeat(512 * 1024) }, 1)).toHaveProperty('problem');
  });

  it('makes keys from a field or a template, and keeps the record as the value', () => {
    const record = { id: 7, country: 'NO', name: 'Ås' };
    expect(mapperOf({ keyField: 'id' })(record, 3)).toMatchObject({ operation: { key: '7', value: record } });
    const map = mapperOf({ keyTemplate: 'city/{country}/{name}/{#}' });
    expect(map(record, 3)).toMatchObject({ operation: { key: 'city/NO/Ås/3', value: record } });
    expect(map({ country: 'NO' }, 3)).toEqual({ problem: expect.stringContaining('"name"') });
    expect(map(JSON.parse('{"country":"NO","__proto__":{"name":"x"}}'), 3)).toHaveProperty('problem');
  });
});
