/**
 * The subcommands; each lives in its own directory and registers itself. All of them are about a thousand
 * modules, of which most commands need a third: loading the others would be half of the work of a short one.
 * So only the one that is asked for is loaded, where the first argument says which; else all are.
 */
import type { Command } from 'commander';

interface Room {
  /** Names of what it registers. */
  commands: readonly string[];
  load: () => Promise<(program: Command) => void>;
}

/** In the order of `--help`. */
const rooms: readonly Room[] = [
  { commands: ['up'], load: async () => (await import('./up/register.ts')).registerUp },
  {
    commands: ['put', 'get', 'del', 'list'],
    load: async () => (await import('./data/register.ts')).registerData,
  },
  { commands: ['watch'], load: async () => (await import('./watch/register.ts')).registerWatch },
  { commands: ['status'], load: async () => (await import('./status/register.ts')).registerStatus },
  { commands: ['check'], load: async () => (await import('./check/register.ts')).registerCheck },
  { commands: ['import'], load: async () => (await import('./import/register.ts')).registerImport },
  { commands: ['verify'], load: async () => (await import('./verify/register.ts')).registerVerify },
  {
    commands: ['verify-history'],
    load: async () => (await import('./verify-history/register.ts')).registerVerifyHistory,
  },
  { commands: ['diff'], load: async () => (await import('./diff/register.ts')).registerDiff },
  { commands: ['heal'], load: async () => (await import('./heal/register.ts')).registerHeal },
  { commands: ['inject'], load: async () => (await import('./inject/register.ts')).registerInject },
  { commands: ['log'], load: async () => (await import('./log/register.ts')).registerLog },
  { commands: ['leader'], load: async () => (await import('./leader/register.ts')).registerLeader },
  { commands: ['members'], load: async () => (await import('./members/register.ts')).registerMembers },
  { commands: ['orphans'], load: async () => (await import('./orphans/register.ts')).registerOrphans },
  { commands: ['nats-server'], load: async () => (await import('./nats/register.ts')).registerNatsServer },
];

export const commandNames: readonly string[] = rooms.flatMap(({ commands }) => commands);

/** Registers what `args`, those after the program's name, may need. */
export async function registerCommands(program: Command, [first]: readonly string[]): Promise<void> {
  const asked = rooms.find(({ commands }) => first !== undefined && commands.includes(first));
  for (const { load } of asked ? [asked] : rooms) (await load())(program);
}
