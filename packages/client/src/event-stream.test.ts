import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventStreamReader, type StreamEvent } from './event-stream.ts';

const text = [
  'event: ready\nid: t1\ndata: {"shards":4}\n\n',
  ': a comment\nid: t2\n\n',
  'event: put\r\nid: t3\r\ndata: {\r\ndata:   "ü": "€😀"\r\ndata: }\r\n\r\n',
  'data:no space\rretry: 10\r\r',
  '\n\n: only a comment\n\n',
  'event: put\nid: t4\ndata: cut off by the end of the connection\n',
].join('');
const events: StreamEvent[] = [
  { type: 'ready', id: 't1', data: '{"shards":4}' },
  { type: 'message', id: 't2', data: '' },
  { type: 'put', id: 't3', data: '{\n  "ü": "€😀"\n}' },
  { type: 'message', id: 't3', data: 'no space' },
];

describe('reading an event stream', () => {
  it('gives the same events wherever the chunks end', () => {
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length })), (cuts) => {
        const ends = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const reader = new EventStreamReader();
        const seen = ends.slice(1).flatMap((end, i) => reader.read(bytes.subarray(ends[i], end)));
        expect(seen).toEqual(events);
      }),
    );
  });
});
