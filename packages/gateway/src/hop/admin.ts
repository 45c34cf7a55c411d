/**
 * What operators ask of one node: seldom, without lanes or breakers; a refusal is passed on as the node said
 * it.
 */
import { DriftlessError, problemSchema } from '@driftless/contracts';
import { request } from 'undici';

const timeoutMs = 5000;

export interface NodeCall {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  body?: unknown;
}

/**
 * The answer's JSON, if it has any. Throws the node's own problem, or `replica-unavailable` when it is away.
 */
export async function askNode(node: string, url: string | undefined, call: NodeCall): Promise<unknown> {
  if (url === undefined) throw new DriftlessError('not-found', `Nobody knows a node ${node}.`);
  const { method, path, body } = call;
  const options = { method, headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
  const json =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await request(`${url}${path}`, { ...options, ...json }).catch((cause: unknown) => {
    throw new DriftlessError('replica-unavailable', `${node} does not answer.`, { cause });
  });
  const text = await answer.body.text();
  if (answer.statusCode < 300) return text === '' ? undefined : (JSON.parse(text) as unknown);
  const problem = problemSchema.safeParse(JSON.parse(text));
  if (!problem.success)
    throw new DriftlessError('replica-unavailable', `${node} answered ${answer.statusCode}.`);
  throw new DriftlessError(problem.data.code, problem.data.detail);
}
