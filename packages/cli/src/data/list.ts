/** `list`: asks page after page and prints as they come, so that a listing of any length takes no memory. */
import type { ListedEntry, ReadLevel } from '@driftless/contracts';
import type { ClusterContext } from '../cluster/context.ts';
import { printable, type Terminal } from '../output/terminal.ts';

export interface ListOptions {
  prefix: string;
  limit?: number;
  page: number;
  keysOnly?: boolean;
  json?: boolean;
  consistency?: ReadLevel;
}

/** The part of the client that listing needs. */
interface Lister {
  list(query: {
    prefix: string;
    limit: number;
    cursor: string | undefined;
    values: boolean;
    consistency: ReadLevel | undefined;
  }): Promise<{ entries: ListedEntry[]; next?: string | undefined }>;
}

export async function list(
  { client, terminal }: Pick<ClusterContext, 'terminal'> & { client: Lister },
  {
    prefix,
    limit = Number.POSITIVE_INFINITY,
    page,
    keysOnly = false,
    json = false,
    consistency,
  }: ListOptions,
): Promise<void> {
  let left = limit;
  let cursor: string | undefined;
  do {
    const query = { prefix, limit: Math.min(page, left), cursor, values: !keysOnly, consistency };
    const { entries, next } = await client.list(query);
    terminal.out.write(entries.map((entry) => `${line(entry, keysOnly, json, terminal)}\n`).join(''));
    left -= entries.length;
    cursor = next;
  } while (cursor !== undefined && left > 0);
}

function line(entry: ListedEntry, keysOnly: boolean, json: boolean, { out }: Terminal): string {
  if (json) return JSON.stringify(entry);
  if (keysOnly) return printable(entry.key);
  const text = `${printable(entry.key)}\t${preview(entry)}`;
  const columns = out.isTTY ? (out.columns ?? 80) : Number.POSITIVE_INFINITY;
  // A tab takes up to eight columns.
  return text.length + 8 <= columns ? text : `${text.slice(0, Math.max(1, columns - 9))}…`;
}

function preview({ value, valueBase64, bytes, contentType }: ListedEntry): string {
  if (valueBase64 !== undefined || value === undefined)
    return `(${bytes} bytes of ${printable(contentType)})`;
  return typeof value === 'string' ? printable(value) : JSON.stringify(value);
}
