import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EnvelopeHeader, envelopeHeaderOf, envelopeHeaderSchema } from './envelope-header.ts';
import { readHeaderSchema, writeHeaderSchema } from './hop.ts';
import { readHeaderOf, writeHeaderOf } from './hop-plain.ts';

/** What a schema would take, or nearly. */
const whole = fc.oneof(
  { weight: 4, arbitrary: fc.nat(9) },
  fc.constantFrom(-1, 0.5, -0, 2 ** 53, 1e300, Number.MAX_SAFE_INTEGER, null, '1', true),
);
const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 4 }) },
  fc.constantFrom('', 0, null, [], {}),
);
const position = { epoch: whole, seq: whole };
const answer = fc.record({ id: text, fingerprint: text, result: fc.constant({ version: '1-1' }) });
const traceparent = fc.constant('00-1-2-01');

/** Objects with these members, some left out, some that nobody knows. */
function near(required: Record<string, fc.Arbitrary<unknown>>, optional = {}): fc.Arbitrary<unknown> {
  const whole = fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required) as never[] });
  const lacking = fc.record({ ...required, ...optional }, { requiredKeys: [] });
  const unknown = fc.constantFrom('more', '__proto__', 'constructor', 'bytes');
  const more = fc.tuple(whole, unknown).map(([object, name]) => JSON.parse(withMember(object, name)));
  const none = fc.constantFrom(null, 1, 'put', [], {}, [1]);
  const plain = fc.record(required);
  return fc.oneof({ weight: 8, arbitrary: plain }, { weight: 4, arbitrary: whole }, lacking, more, none);
}

/** As text: so any name is a member of its own. */
function withMember(object: object, name: string): string {
  const text = JSON.stringify(object);
  return `${text.slice(0, -1)}${text === '{}' ? '' : ','}"${name}":1}`;
}

const some = (item: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 20, arbitrary: fc.array(item, { maxLength: 4 }) }, fc.constantFrom(null, {}, 'a'));

const few = (item: fc.Arbitrary<unknown>) => fc.array(item, { minLength: 1, maxLength: 2 });

const eventOperation = fc.oneof(
  near(
    { op: fc.constant('put'), key: text, bytes: whole, type: text },
    { expiresAt: fc.option(whole), answer },
  ),
  near({ op: fc.constant('delete'), key: text }, { answer }),
  near({ op: fc.constant('answer'), answer }),
  near({ op: fc.constant('epoch-started'), node: text }, { previous: whole, members: some(text) }),
  near({ op: fc.constant('members-changed'), members: some(text) }),
  near({
    op: fc.constantFrom('collected', 'other'),
    entries: some(near({ key: text, version: near(position) })),
  }),
);
const root = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom('0'.repeat(32), 'a9'.repeat(16)) },
  fc.constantFrom('A9'.repeat(16), `${'0'.repeat(32)}\n`, '0', null),
);
const eventHeader = near({
  format: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(1, 2) }, fc.constantFrom(0, 3, '1')),
  shard: whole,
  epoch: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, whole),
  firstSeq: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, whole),
  ops: some(fc.constant({ op: 'delete', key: 'k' })),
  committedAt: whole,
  prevRoot: root,
  postRoot: root,
});
const zero = '0'.repeat(32);
const plainEvent = {
  format: 1,
  shard: 0,
  epoch: 1,
  firstSeq: 1,
  committedAt: 1,
  prevRoot: zero,
  postRoot: zero,
};
const event = fc.oneof(
  eventHeader,
  few(eventOperation).map((ops) => ({ ...plainEvent, ops })),
);

const conditions = {
  ifMatch: fc.oneof(fc.constant('*'), some(text)),
  idempotency: near({ id: text, fingerprint: text }),
  seen: near(position),
  traceparent,
};
const write = fc.oneof(
  near({ op: fc.constant('put'), key: text, bytes: whole, type: text }, { ttlSeconds: whole, ...conditions }),
  near({ op: fc.constant('delete'), key: text }, conditions),
  near({ op: fc.constant('increment'), key: text, by: whole }, conditions),
);
const plainWrite = { shard: 0, ack: 'stream', timeoutMs: 0.5 };
const writeHeader = fc.oneof(
  near({
    shard: whole,
    ack: fc.oneof({ weight: 9, arbitrary: fc.constantFrom('leader', 'all') }, text),
    timeoutMs: whole,
    operations: some(fc.constant({ op: 'delete', key: 'k' })),
  }),
  few(write).map((operations) => ({ ...plainWrite, operations })),
);

const level = fc.oneof({ weight: 9, arbitrary: fc.constantFrom('eventual', 'session') }, text);
const read = near({ shard: whole, key: text, level }, { seen: near(position), waitMs: whole, traceparent });
const readHeader = fc.oneof(
  near({ reads: some(read) }),
  few(read).map((reads) => ({ reads })),
);

/** What comes of it, or that it is refused. */
function outcomeOf(parse: () => unknown): unknown {
  try {
    return parse();
  } catch {
    return 'refused';
  }
}

/** The short way leaves them to whoever reads it. */
function withDefaults(header: EnvelopeHeader): unknown {
  return { ...header, ops: header.ops.map((op) => (op.op === 'put' ? { expiresAt: null, ...op } : op)) };
}

describe('what is taken past the schemas', () => {
  it.each([
    ['an event', event, envelopeHeaderSchema, (raw: unknown) => withDefaults(envelopeHeaderOf(raw))],
    ['a write', writeHeader, writeHeaderSchema, writeHeaderOf],
    ['a read', readHeader, readHeaderSchema, readHeaderOf],
  ])('is of %s what the schema takes, and as it is', (_, header, schema, taken) => {
    let accepted = 0;
    fc.assert(
      fc.property(header, (made) => {
        const raw = JSON.parse(JSON.stringify(made));
        const expected = outcomeOf(() => schema.parse(raw));
        expect(outcomeOf(() => taken(raw))).toStrictEqual(expected);
        if (expected !== 'refused') accepted += 1;
      }),
      { numRuns: 5000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
