import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DriftlessError, problemOf } from '@driftless/contracts';
import { afterEach, expect, it } from 'vitest';
import { callNode } from './node-call.ts';

let server: Server | undefined;
afterEach(() => server?.close());

async function nodeThat(answers: (body: string) => { status: number; text: string } | undefined) {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const answer = answers(body);
    if (answer) response.writeHead(answer.status).end(answer.text);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const call = { method: 'POST', path: '/x', body: { a: 1 }, timeoutMs: 2_000 } as const;
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'answered',
    (error: DriftlessError) => ({ code: error.code, message: error.message, hint: error.hint }),
  );

it('sends JSON and gives the answer’s', async () => {
  const url = await nodeThat((body) => ({ status: 200, text: `{"got":${body}}` }));
  expect(await callNode('n', url, call)).toEqual({ got: { a: 1 } });
});

it('passes a refusal on as the node said it', async () => {
  const refusal = problemOf(new DriftlessError('forbidden', 'It is off.', { hint: 'Turn it on.' }));
  const url = await nodeThat(() => ({ status: 403, text: JSON.stringify(refusal) }));
  expect(await codeOf(callNode('n', url, call))).toEqual({
    code: 'forbidden',
    message: 'It is off.',
    hint: 'Turn it on.',
  });
});

it('tells a node that is away, answers rubbish, is too slow, or unknown', async () => {
  expect(await codeOf(callNode('n', 'http://127.0.0.1:1', call))).toMatchObject({
    code: 'replica-unavailable',
  });
  expect(await codeOf(callNode('n', undefined, call))).toMatchObject({ code: 'not-found' });
  const rubbish = await nodeThat(() => ({ status: 500, text: '<html>' }));
  expect(await codeOf(callNode('n', rubbish, call))).toMatchObject({ message: 'n answered 500.' });
  server?.close();
  const silent = await nodeThat(() => undefined);
  expect(await codeOf(callNode('n', silent, { ...call, timeoutMs: 100 }))).toMatchObject({
    code: 'upstream-timeout',
  });
  server?.closeAllConnections();
});
