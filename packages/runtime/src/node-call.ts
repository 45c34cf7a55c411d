/**
 * What is asked of one store node now and then: JSON to and fro, without lanes or breakers. A refusal is
 * passed on as the node said it.
 */
import { DriftlessError, problemSchema } from '@driftless/contracts';
import { request } from 'undici';
import { jsonOf } from './json.ts';

export interface NodeCall {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  body?: unknown;
  /** Besides those that say what the body is. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** How long the node may take, milliseconds. Default 5,000. */
  timeoutMs?: number;
  /** Calls it off. */
  signal?: AbortSignal | undefined;
}

const timeoutMsDefault = 5000;

/**
 * The answer's JSON, if it has any. Throws the node's own problem; `replica-unavailable` when it is away,
 * `upstream-timeout` when it took the call and did not answer in time.
 */
export async function callNode(node: string, url: string | undefined, call: NodeCall): Promise<unknown> {
  if (url === undefined) throw new DriftlessError('not-found', `Nobody knows a node ${node}.`);
  const { method, path, body, headers, timeoutMs = timeoutMsDefault, signal } = call;
  const options = { method, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, signal: signal ?? null };
  const json =
    body === undefined
      ? { headers: { ...headers } }
      : { body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } };
  const away = (cause: unknown): never => {
    throw faultOf(node, cause);
  };
  const answer = await request(`${url}${path}`, { ...options, ...json }).catch(away);
  const text = await answer.body.text().catch(away);
  if (answer.statusCode < 300) return text === '' ? undefined : jsonOf(text);
  const problem = problemSchema.safeParse(jsonOf(text));
  if (!problem.success)
    throw new DriftlessError('replica-unavailable', `${node} answered ${answer.statusCode}.`);
  const { code, detail, hint } = problem.data;
  throw new DriftlessError(code, detail, { hint });
}

const timeoutCodes = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'];

function faultOf(node: string, cause: unknown): DriftlessError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return timeoutCodes.includes(code)
    ? new DriftlessError('upstream-timeout', `${node} did not answer in time.`, { cause })
    : new DriftlessError('replica-unavailable', `${node} does not answer.`, { cause });
}
