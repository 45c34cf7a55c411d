/**
 * The data directory: whether it is ours, and what its cluster was made with.
 *
 * `cluster.json` marks a directory as Driftless's. Without it nothing is ever deleted, and nothing is put
 * into a directory that holds other things. It keeps the number of nodes and shards: shards are fixed when
 * a cluster is made, and nodes have data of their own, so a start with other numbers is refused.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CommandError } from '../output/failure.ts';
import { type Layout, NODES_DEFAULT, SHARDS_DEFAULT } from './options.ts';

export interface ClusterShape {
  readonly nodes: number;
  readonly shards: number;
}

/** What the command line says; undefined: whatever is right. */
type AskedShape = { readonly [Key in keyof ClusterShape]?: number | undefined };

const markerSchema = z.object({
  format: z.literal(1),
  nodes: z.number().int(),
  shards: z.number().int(),
  createdAt: z.string(),
});

/** What a start that was killed early leaves: no data, so they don't make a directory somebody else's. */
const HARMLESS = new Set(['up.lock', 'run', 'log']);

/** Creates the directory where there is none. Throws when it holds things that are not ours. */
export function claimDataDir({ root, marker }: Layout): void {
  mkdirSync(root, { recursive: true });
  if (readMarker(marker) !== undefined) return;
  const strangers = readdirSync(root).filter((name) => !HARMLESS.has(name));
  if (strangers.length === 0) return;
  throw new CommandError(`${root} holds files that are not Driftless's (${strangers[0]}); it is left alone`, {
    hint: 'choose another directory with --data-dir',
  });
}

/** Deletes what is in the directory, but for the lock, which its holder still needs. */
export function wipeDataDir(layout: Layout): void {
  claimDataDir(layout);
  // The marker goes last: a wipe that is interrupted can be repeated.
  const names = readdirSync(layout.root).filter((name) => name !== 'up.lock' && name !== 'cluster.json');
  for (const name of names) rmSync(join(layout.root, name), { recursive: true, force: true });
  rmSync(layout.marker, { force: true });
}

/** The shape of the cluster: what the data has, or what is asked for, or the defaults. */
export function settleShape({ root, marker }: Layout, asked: AskedShape): ClusterShape {
  const existing = readMarker(marker);
  if (existing === undefined) {
    const shape = { nodes: asked.nodes ?? NODES_DEFAULT, shards: asked.shards ?? SHARDS_DEFAULT };
    writeMarker(marker, shape);
    return shape;
  }
  for (const what of ['shards', 'nodes'] as const) {
    const wanted = asked[what];
    if (wanted === undefined || wanted === existing[what]) continue;
    throw new CommandError(`the cluster in ${root} was made with ${existing[what]} ${what}, not ${wanted}`, {
      hint: `leave out --${what}, or start anew with --fresh (deletes its data), or use another --data-dir`,
    });
  }
  return { nodes: existing.nodes, shards: existing.shards };
}

function readMarker(path: string): ClusterShape | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = markerSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new CommandError(`${path} cannot be read as a cluster's description`, {
    hint: 'it was edited or comes from another version; choose another directory with --data-dir',
  });
}

function writeMarker(path: string, { nodes, shards }: ClusterShape): void {
  const content = { format: 1, nodes, shards, createdAt: new Date().toISOString() };
  writeFileSync(`${path}.tmp`, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(`${path}.tmp`, path);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
