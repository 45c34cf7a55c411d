/**
 * `watch`: a line a change, as it is committed. When it ends, the token to go on from stands on standard
 * error, so that standard output has changes alone.
 */
import type { DriftlessClient, WatchEvent } from '@driftless/client';
import type { ClusterContext } from '../cluster/context.ts';
import { type Paint, printable } from '../output/terminal.ts';

export interface WatchOptions {
  prefix?: string;
  after?: string;
  json?: boolean;
}

export async function watch(
  { client, terminal, paint }: Omit<ClusterContext, 'client'> & { client: Pick<DriftlessClient, 'watch'> },
  { prefix, after, json = false }: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  let token: string | undefined;
  const onToken = (next: string): void => {
    if (token === undefined) terminal.err.write(paint('dim', 'watching; Ctrl-C ends it\n'));
    token = next;
  };
  try {
    for await (const event of client.watch({ prefix, after, signal, onToken })) {
      terminal.out.write(`${json ? JSON.stringify(event) : line(event, paint)}\n`);
    }
  } finally {
    if (token !== undefined) terminal.err.write(`go on with --after ${token}\n`);
  }
}

function line(event: WatchEvent, paint: Paint): string {
  const { type, key, version } = event;
  const what = type === 'put' ? paint('green', 'put') : paint('red', 'del');
  return [what, version, printable(key), ...(type === 'put' ? [shownValue(event)] : [])].join('\t');
}

function shownValue({ value, valueBase64, contentType = '' }: WatchEvent): string {
  if (valueBase64 !== undefined) return `(${printable(contentType)})`;
  return typeof value === 'string' ? printable(value) : JSON.stringify(value);
}
