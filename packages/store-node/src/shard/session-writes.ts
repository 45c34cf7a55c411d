/**
 * Writes of sessions: each is applied after all that its session has seen of the shard, so that a client's
 * writes come in its order and follow what it read. A leader has applied its whole history; what isn't in it
 * was rolled back, or this leader is one no more.
 */
import { problemOf, type WriteAnswer, type WriteHeader, type WriteResult } from '@driftless/contracts';
import { sessionProblem } from './freshness.ts';
import type { ShardReplica } from './replica.ts';
import type { TracedRequest } from './traces.ts';

/** Writes at the leader; those that can't follow their session are refused, each by itself. */
export async function writeAfterSessions(
  replica: ShardReplica,
  requests: readonly TracedRequest[],
  { ack, timeoutMs }: Pick<WriteHeader, 'ack' | 'timeoutMs'>,
): Promise<WriteAnswer> {
  const leader = replica.requireLeader();
  if (!requests.some(({ operation }) => operation.seen)) return leader.write(requests, ack, timeoutMs);
  const refusals = requests.map((request) => refusalOf(replica, request));
  const allowed = requests.filter((_, i) => refusals[i] === undefined);
  const { node, state } = replica.context;
  const answer =
    allowed.length > 0
      ? await leader.write(allowed, ack, timeoutMs)
      : { node, position: state.applied, results: [] };
  let next = 0;
  const results = refusals.map((refusal) => refusal ?? (answer.results[next++] as WriteResult));
  return { ...answer, results };
}

function refusalOf(replica: ShardReplica, { operation }: TracedRequest): WriteResult | undefined {
  const problem = operation.seen && sessionProblem(replica, operation.seen);
  if (!problem) return undefined;
  const { code, detail, lost } = problemOf(problem);
  return { error: code, detail, ...(lost && { lost }) };
}
