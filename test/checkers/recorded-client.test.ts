/** What a client was told becomes the end that a checker may rely on. */
import type { Ending, Invocation } from '@driftless/checkers';
import { ClientError, type DriftlessClient } from '@driftless/client';
import { describe, expect, it } from 'vitest';
import { RecordedClient } from './recorded-client.ts';

interface Recorded {
  invoked: Invocation[];
  ended: Ending[];
}

function recordedOver(client: object, { retries = false, replicaOf = (node: string) => node } = {}) {
  const events: Recorded = { invoked: [], ended: [] };
  const writer = {
    invoke: (invocation: Invocation) => events.invoked.push(invocation),
    end: (_id: number, ending: Ending) => void events.ended.push(ending),
  };
  const parts = { client: client as DriftlessClient, writer, process: 'p', retries, replicaOf };
  return { client: new RecordedClient(parts), ...events };
}

const refusing = (...parameters: ConstructorParameters<typeof ClientError>) => ({
  put: () => Promise.reject(new ClientError(...parameters)),
  get: () => Promise.reject(new ClientError(...parameters)),
});
const write = { ack: 'stream' as const };

describe('a recorded client', () => {
  it('records what was written, by whom and where', async () => {
    const told = { node: 'node-1', version: '2-7', position: '2-9' };
    const { client, invoked, ended } = recordedOver({ put: () => Promise.resolve(told) });
    expect(await client.put('k', 'v', { ...write, ifMatch: '2-6' })).toEqual({ type: 'ok', version: '2-7' });
    const ifMatch = [{ epoch: 2, seq: 6 }];
    const asked = { operation: 'put', key: 'k', value: 'v', ack: 'stream', ifMatch };
    expect(invoked).toEqual([{ ...asked, process: 'p', session: 'p/1' }]);
    const [version, position] = [
      { epoch: 2, seq: 7 },
      { epoch: 2, seq: 9 },
    ];
    expect(ended).toEqual([{ type: 'ok', node: 'node-1', version, position }]);
  });

  it('does not take who answers a retry for who did the write', async () => {
    const told = { node: 'node-2', version: '2-7', position: '3-9' };
    const { client, ended } = recordedOver({ put: () => Promise.resolve(told) });
    await client.put('k', 'v', write);
    expect(ended[0]).not.toHaveProperty('node');
  });

  it('takes a missing key for an answer, of the replica that the node holds now', async () => {
    const missing = new ClientError('key-not-found', '', { standing: { node: 'node-1', position: '1-3' } });
    const options = { replicaOf: (node: string) => `${node} (2)` };
    const { client, ended } = recordedOver({ get: () => Promise.reject(missing) }, options);
    await client.get('k', { consistency: 'strong' });
    expect(ended).toEqual([{ type: 'ok', value: null, node: 'node-1 (2)', position: { epoch: 1, seq: 3 } }]);
  });

  it.each([
    ['precondition-failed', false, 'fail'],
    ['precondition-failed', true, 'fail'],
    ['no-leader', false, 'fail'],
    // An earlier attempt may have been done.
    ['no-leader', true, 'info'],
    ['indeterminate', false, 'info'],
    ['upstream-timeout', false, 'info'],
    ['internal', false, 'info'],
  ] as const)('takes a write that was told %s (retries: %s) for %s', async (code, retries, type) => {
    const { client, ended } = recordedOver(refusing(code, ''), { retries });
    expect(await client.put('k', 'v', write)).toMatchObject({ type, error: code });
    expect(ended[0]).toMatchObject({ type, error: code });
  });

  it('keeps the version of a write that was not confirmed', async () => {
    const { client, ended } = recordedOver(refusing('indeterminate', '', { version: '2-7' }));
    await client.put('k', 'v', write);
    expect(ended[0]).toMatchObject({ type: 'info', version: { epoch: 2, seq: 7 } });
  });

  it('begins a session anew when it is told that its past was rolled back', async () => {
    const { client } = recordedOver(refusing('session-rolled-back', ''));
    await client.get('k', { consistency: 'session' });
    expect(client.session).toBe('p/2');
  });
});
