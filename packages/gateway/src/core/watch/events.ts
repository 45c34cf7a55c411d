/**
 * What a watch sends besides changes, as Server-Sent Events (WHATWG HTML, section 9.2). Comments keep
 * proxies from closing a quiet stream; an `id` without data moves the client's resume token on and shows it
 * nothing.
 */
import type { Problem } from '@driftless/contracts';

/** The first event: from here on, nothing is missed. */
export function readyEvent(token: string, shards: number): string {
  return `event: ready\nid: ${token}\ndata: ${JSON.stringify({ shards })}\n\n`;
}

export function heartbeat(token: string): string {
  return `: heartbeat\nid: ${token}\n\n`;
}

/** The last event of a watch that can't go on as it is. */
export function errorEvent(token: string, problem: Problem): string {
  return `event: error\nid: ${token}\ndata: ${JSON.stringify(problem)}\n\n`;
}

/** The last words of a gateway that shuts down: the client goes on elsewhere. */
export const farewell = ': this gateway is shutting down\n\n';
