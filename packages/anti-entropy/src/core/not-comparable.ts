/** Ends an exchange wherever it is: what was asked was not answered, or not about one position. */
import type { Peer } from './ports.ts';

export class NotComparable extends Error {
  override readonly name = 'NotComparable';
}

/** The same peer; a question that it does not answer makes the exchange "not comparable". */
export function asked(peer: Peer): Peer {
  return {
    get bytesReceived() {
      return peer.bytesReceived;
    },
    capture: (atSeq, waitMs) => answered(peer.capture(atSeq, waitMs)),
    nodes: (capture, level, indexes) => answered(peer.nodes(capture, level, indexes)),
    buckets: (buckets, listing) => answered(peer.buckets(buckets, listing)),
    heads: (wanted) => answered(peer.heads(wanted)),
  };
}

async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    const why = cause instanceof Error ? `: ${cause.message}` : '.';
    throw new NotComparable(`The peer did not answer${why}`, { cause });
  }
}
