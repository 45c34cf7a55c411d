import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hash128 } from './digest.ts';
import {
  type Batch,
  decodeBatch,
  EnvelopeError,
  encodeBatch,
  lastSeqOf,
  type Operation,
} from './envelope.ts';

const digest = fc.uint8Array({ minLength: 16, maxLength: 16 });
const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
const answer = fc.record({
  id: fc.string({ minLength: 1, maxLength: 8 }),
  fingerprint: fc.string({ maxLength: 8 }),
  result: fc.record({ version: fc.string(), created: fc.boolean(), value: fc.integer() }),
});
const collected = fc.array(
  fc.record({ key, version: fc.record({ epoch: fc.nat(2 ** 20), seq: fc.nat(2 ** 30) }) }),
  { minLength: 1, maxLength: 4 },
);
const replicaSet = fc.array(fc.constantFrom('node-1', 'node-2', 'node-3'), { minLength: 1, maxLength: 3 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    op: fc.constant('put' as const),
    key,
    value: fc.uint8Array({ maxLength: 40 }),
    contentType: fc.string({ unit: 'grapheme', maxLength: 8 }),
    expiresAt: fc.option(fc.integer({ min: 0, max: 2 ** 50 })),
    answer: fc.option(answer, { nil: undefined }),
  }),
  fc.record({ op: fc.constant('delete' as const), key, answer: fc.option(answer, { nil: undefined }) }),
  fc.record({ op: fc.constant('answer' as const), answer }),
  fc.record({ op: fc.constant('epoch-started' as const), node: fc.constant('node-1') }),
  fc.record({
    op: fc.constant('epoch-started' as const),
    node: fc.constant('n'),
    members: replicaSet,
  }),
  fc.record({ op: fc.constant('members-changed' as const), members: replicaSet }),
  fc.record({ op: fc.constant('collected' as const), entries: collected }),
);
const batch: fc.Arbitrary<Batch> = fc.record({
  shard: fc.nat(1023),
  epoch: fc.integer({ min: 1, max: 2 ** 40 }),
  firstSeq: fc.integer({ min: 1, max: 2 ** 50 }),
  ops: fc.array(operation, { minLength: 1, maxLength: 6 }),
  committedAt: fc.integer({ min: 0, max: 2 ** 50 }),
  prevRoot: digest,
  postRoot: digest,
});

/** As it is after decoding: values are plain bytes, whatever held them before. */
function plain(batch: Batch) {
  const ops = batch.ops.map((op) => (op.op === 'put' ? { ...op, value: [...op.value] } : op));
  return { ...batch, ops, prevRoot: [...batch.prevRoot], postRoot: [...batch.postRoot] };
}

const sample: Batch = {
  shard: 1,
  epoch: 2,
  firstSeq: 3,
  ops: [
    { op: 'put', key: 'k\n"ß😀', value: Buffer.from('\n{}'), contentType: 'text/plain', expiresAt: null },
    { op: 'put', key: 'empty', value: new Uint8Array(0), contentType: '', expiresAt: 5 },
    { op: 'delete', key: 'k' },
  ],
  committedAt: 4,
  prevRoot: hash128(Buffer.from('before')),
  postRoot: hash128(Buffer.from('after')),
};

/** `bytes` with a header changed by `change`, under a seal that fits. */
function resealed(
  change: (header: Record<string, unknown>) => unknown,
  body: Uint8Array = Buffer.alloc(0),
  format = 1,
) {
  const event = encodeBatch({ ...sample, ops: [{ op: 'delete', key: 'k' }] });
  const line = event.indexOf(0x0a) + 1;
  const header = JSON.parse(event.subarray(line, event.indexOf(0x0a, line)).toString());
  const content = Buffer.concat([Buffer.from(`${JSON.stringify(change(header))}\n`), body]);
  return Buffer.concat([
    Buffer.from(`driftless/${format} ${Buffer.from(hash128(content)).toString('hex')}\n`),
    content,
  ]);
}

function reasonOf(bytes: Uint8Array): string | undefined {
  try {
    decodeBatch(bytes);
    return undefined;
  } catch (error) {
    return error instanceof EnvelopeError ? error.reason : `another error: ${error}`;
  }
}

describe('the envelope', () => {
  it('gives back what was put in, from any place in memory', () => {
    fc.assert(
      fc.property(batch, fc.nat(9), (batch, offset) => {
        const event = encodeBatch(batch);
        const elsewhere = new Uint8Array(event.length + 20).fill(0x0a);
        elsewhere.set(event, offset);
        const decoded = decodeBatch(elsewhere.subarray(offset, offset + event.length));
        expect(plain(decoded)).toEqual(plain(batch));
        expect(encodeBatch(decoded)).toEqual(event);
        expect(lastSeqOf(decoded)).toBe(batch.firstSeq + batch.ops.length - 1);
      }),
    );
  });

  it('can be read by a person: a seal, a line of JSON, raw values', () => {
    const [seal, header] = encodeBatch(sample).toString().split('\n');
    expect(seal).toMatch(/^driftless\/1 [0-9a-f]{32}$/);
    expect(JSON.parse(header ?? '')).toMatchObject({ format: 1, shard: 1, epoch: 2, firstSeq: 3 });
  });

  it('is written in the oldest format that has its operations', () => {
    const firstLine = (ops: Operation[]) =>
      encodeBatch({ ...sample, ops })
        .toString()
        .split('\n')[0];
    const entries = [{ key: 'k', version: { epoch: 2, seq: 1 } }];
    const remove: Operation = { op: 'delete', key: 'k' };
    expect(firstLine([remove])).toMatch(/^driftless\/1 /);
    expect(firstLine([remove, { op: 'collected', entries }])).toMatch(/^driftless\/2 /);
  });

  it('refuses what a newer version wrote, and says which format it is of', () => {
    const newer = Buffer.from(`driftless/3 ${'0'.repeat(32)}\n{}`);
    expect(() => decodeBatch(newer)).toThrow(
      'The event is of format driftless/3; this version reads driftless/1, driftless/2.',
    );
    expect(() => decodeBatch(Buffer.from('text'))).toThrow(/^The event is none;/);
  });

  it('refuses a seal, a header and operations that are not of one format', () => {
    const ops = [{ op: 'collected', entries: [{ key: 'k', version: { epoch: 2, seq: 1 } }] }];
    const reason = (seal: number, header: object) =>
      reasonOf(resealed((own) => ({ ...own, ...header }), undefined, seal));
    expect(reason(2, { format: 2, ops })).toBeUndefined();
    expect(reason(2, { format: 1, ops })).toBe('content');
    expect(reason(1, { format: 2, ops })).toBe('content');
    expect(reason(1, { format: 1, ops }), 'an older node would not know it').toBe('content');
    expect(reason(2, { format: 2 }), 'format 1 has these operations').toBe('content');
  });

  it('refuses an event of which any one bit is flipped', () => {
    const event = encodeBatch(sample);
    for (let at = 0; at < event.length; at += 1) {
      for (let bit = 1; bit < 256; bit <<= 1) {
        const flipped = Buffer.from(event);
        flipped[at] = (flipped[at] ?? 0) ^ bit;
        expect(reasonOf(flipped), `byte ${at}, bit ${bit}`).toMatch(/^(seal|format)$/);
      }
    }
  });

  it('refuses an event that is cut short, goes on too long, or is none', () => {
    const event = encodeBatch(sample);
    for (let length = 0; length < event.length; length += 1) {
      expect(reasonOf(event.subarray(0, length)), `${length} bytes`).toMatch(/^(seal|format)$/);
    }
    expect(reasonOf(Buffer.concat([event, Buffer.from([0])]))).toBe('seal');
    expect(reasonOf(Buffer.from('driftless/3 rest'))).toBe('format');
    expect(reasonOf(Buffer.from('{"format":1}\n'))).toBe('format');
  });

  it.each<[string, (header: Record<string, unknown>) => unknown, Uint8Array?]>([
    ['another format', (header) => ({ ...header, format: 2 })],
    ['no operations', (header) => ({ ...header, ops: [] })],
    ['a removal of nothing', (header) => ({ ...header, ops: [{ op: 'collected', entries: [] }] })],
    ['an unknown operation', (header) => ({ ...header, ops: [{ op: 'increment', key: 'k' }] })],
    ['seq 0', (header) => ({ ...header, firstSeq: 0 })],
    ['epoch 0', (header) => ({ ...header, epoch: 0 })],
    ['a root that is none', (header) => ({ ...header, postRoot: 'xyz' })],
    ['an empty key', (header) => ({ ...header, ops: [{ op: 'delete', key: '' }] })],
    ['a value that is not there', (header) => ({ ...header, ops: [put(1)] })],
    ['a value of negative length', (header) => ({ ...header, ops: [put(-1)] })],
    ['bytes that belong to no value', (header) => header, Buffer.from('x')],
    ['no object', () => 'text'],
  ])('refuses, under a seal that fits, %s', (_, change, body) => {
    expect(reasonOf(resealed((header) => header))).toBeUndefined();
    expect(reasonOf(resealed(change, body))).toBe('content');
  });
});

function put(bytes: number) {
  return { op: 'put', key: 'k', bytes, type: '' };
}
