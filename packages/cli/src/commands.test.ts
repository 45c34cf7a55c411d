import { Command } from 'commander';
import { expect, it } from 'vitest';
import { commandNames, registerCommands } from './commands.ts';

async function registeredBy(...args: string[]): Promise<string[]> {
  const program = new Command();
  await registerCommands(program, args);
  return program.commands.map((command) => command.name());
}

it.each([[[]], [['--help']], [['--url', 'x', 'get']], [['help', 'get']], [['nonsense']]])(
  'registers all subcommands for %j, each under the name that it has',
  async (args) => {
    expect(await registeredBy(...args)).toEqual(commandNames);
  },
);

it.each(commandNames)('%s is registered when it is asked for, and others are not', async (name) => {
  const names = await registeredBy(name, '--help');
  expect(names).toContain(name);
  expect(names.length).toBeLessThan(commandNames.length / 2);
});
