/**
 * The data directory: whether it is ours, and what its cluster was made with.
 *
 * `cluster.json` marks a directory as Driftless's. Without it nothing is ever deleted, and nothing is put
 * into a directory that holds other things. It keeps the number of shards, which is fixed when a cluster is
 * made, and the nodes: those that it was made with, and how many there are. More may be asked for, which
 * join; fewer only when the others have left, because nodes have data of their own.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MemberList, memberFileSchema, memberOf, mergeMembers } from '@driftless/contracts';
import { z } from 'zod';
import { CommandError } from '../output/failure.ts';
import { type Layout, NODES_DEFAULT, nodeName, SHARDS_DEFAULT } from './options.ts';

export interface ClusterShape {
  /** Numbers of the nodes that are run, from 1. */
  readonly nodes: readonly number[];
  /** The cluster was made with the nodes 1 … this. */
  readonly founders: number;
  readonly shards: number;
}

/** What the command line says; undefined: whatever is right. */
interface AskedShape {
  readonly nodes?: number | undefined;
  readonly shards?: number | undefined;
}

const markerSchema = z.object({
  format: z.literal(1),
  /** The highest number of a node. */
  nodes: z.number().int(),
  /** Absent where no node has come or gone. */
  founders: z.number().int().optional(),
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
export function settleShape({ root, marker, nodes: directory }: Layout, asked: AskedShape): ClusterShape {
  const existing = readMarker(marker);
  if (existing === undefined) {
    const nodes = asked.nodes ?? NODES_DEFAULT;
    const made = { nodes, founders: nodes, shards: asked.shards ?? SHARDS_DEFAULT };
    writeMarker(marker, { ...made, createdAt: new Date().toISOString() });
    return { ...made, nodes: numbersTo(nodes) };
  }
  const { shards, founders = existing.nodes, createdAt } = existing;
  if (asked.shards !== undefined && asked.shards !== shards) {
    throw new CommandError(`the cluster in ${root} was made with ${shards} shards, not ${asked.shards}`, {
      hint: 'leave out --shards, or start anew with --fresh (deletes its data), or use another --data-dir',
    });
  }
  const members = membersIn(directory);
  const hasLeft = (number: number): boolean => memberOf(members, nodeName(number))?.state === 'left';
  const nodes = asked.nodes ?? existing.nodes;
  const still = numbersTo(existing.nodes).find((number) => number > nodes && !hasLeft(number));
  if (still !== undefined) {
    throw new CommandError(`${nodeName(still)} in ${root} is still a member: it may hold what no other has`, {
      hint: `start without --nodes, \`driftless members leave ${nodeName(still)}\`, then start with fewer`,
    });
  }
  if (nodes !== existing.nodes) writeMarker(marker, { nodes, founders, shards, createdAt });
  // One that has left stays away, unless it is asked for: then it joins anew.
  const run = numbersTo(nodes).filter((number) => asked.nodes !== undefined || !hasLeft(number));
  return { nodes: run, founders, shards };
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** The list of members, as the nodes whose data is here have kept it. */
function membersIn(directory: string): MemberList {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).reduce<MemberList>((list, node) => {
    const path = join(directory, node, 'members.json');
    if (!existsSync(path)) return list;
    const kept = memberFileSchema.safeParse(parseJson(readFileSync(path, 'utf8')));
    return kept.success ? mergeMembers(list, kept.data.members) : list;
  }, []);
}

type Marker = z.infer<typeof markerSchema>;

function readMarker(path: string): Marker | undefined {
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

function writeMarker(path: string, shape: Omit<Marker, 'format'>): void {
  const content: Marker = { format: 1, ...shape };
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
