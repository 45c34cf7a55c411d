/**
 * `members`: who is a member and which shards move; lets one leave, or another one take its place. A node
 * joins by being started. Orders are waited for, because a node may only be stopped when it has left; whoever
 * doesn't want to wait says so, and the move goes on by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MembersView } from '@driftless/contracts';
import type { Command } from 'commander';
import { type ClusterContext, clusterCommand, inCluster } from '../cluster/context.ts';
import { CommandError, isUnreachable } from '../output/failure.ts';
import { movesOf, renderMembers } from './render.ts';

const pollMs = 500;

interface OrderOptions {
  wait: boolean;
}

export function registerMembers(program: Command): void {
  const members = clusterCommand(program, 'members', 'show the members, or let one leave or be replaced')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: boolean }, command: Command) =>
      inCluster(command, async ({ client, terminal, paint }) => {
        const view = await client.members();
        const lines = json ? [JSON.stringify(view)] : renderMembers(view, paint);
        terminal.out.write(`${lines.join('\n')}\n`);
      }),
    );
  const noWait = ['--no-wait', 'return when it is ordered, not when it is done'] as const;
  clusterCommand(members, 'leave <node>', 'let a member go; its shards move to others first')
    .option(...noWait)
    .action((node: string, { wait }: OrderOptions, command: Command) =>
      inCluster(command, async (context) => {
        await context.client.letMemberLeave(node);
        await ended(context, wait, node, 'is leaving', 'has left; it may be stopped');
      }),
    );
  clusterCommand(members, 'keep <nodes...>', 'let every member go that is not named; the others stay')
    .option(...noWait)
    .action((nodes: string[], { wait }: OrderOptions, command: Command) =>
      inCluster(command, (context) => keep(context, nodes, wait)),
    );
  clusterCommand(members, 'replace <old> <new>', 'let another node, started or not yet, take a place')
    .option(...noWait)
    .action((old: string, by: string, { wait }: OrderOptions, command: Command) =>
      inCluster(command, async (context) => {
        await context.client.replaceMember(old, by);
        await ended(context, wait, old, `is being replaced by ${by}`, `has left; ${by} has its place`);
      }),
    );
}

/** All are told to go before the first is waited for: then nothing moves to one that goes as well. */
async function keep(context: ClusterContext, nodes: readonly string[], wait: boolean): Promise<void> {
  const { client, terminal } = context;
  const { members } = await client.members();
  const staying = members.filter(({ node, state }) => nodes.includes(node) && state !== 'left');
  if (staying.length === 0) {
    throw new CommandError(`none of ${nodes.join(', ')} is a member`, { hint: 'somebody has to stay' });
  }
  const going = members.filter(({ node, state }) => !nodes.includes(node) && state !== 'left');
  if (going.length === 0) terminal.out.write('nobody has to leave\n');
  for (const { node, state } of going) if (state !== 'leaving') await client.letMemberLeave(node);
  for (const { node } of going) await ended(context, wait, node, 'is leaving', 'has left; it may be stopped');
}

/** Says what moves, each thing once, until the node has left. */
async function ended(
  { client, terminal }: ClusterContext,
  wait: boolean,
  node: string,
  ordered: string,
  done: string,
): Promise<void> {
  const say = (line: string): void => void terminal.out.write(`${line}\n`);
  say(`${node} ${ordered}`);
  const told = new Set<string>();
  while (wait) {
    const view = await client.members().catch(unlessUnreachable);
    const state = view?.members.find((member) => member.node === node)?.state;
    if (state === 'left') return say(`${node} ${done}`);
    if (state === 'joining' || state === 'member')
      return say(`${node} has been started again, and joins anew`);
    for (const line of view ? movesOf(view) : []) {
      if (!told.has(line)) say(line);
      told.add(line);
    }
    await sleep(pollMs);
  }
}

/** A gateway that is away for a while changes nothing about the move. */
function unlessUnreachable(error: unknown): MembersView | undefined {
  if (isUnreachable(error)) return undefined;
  throw error;
}
