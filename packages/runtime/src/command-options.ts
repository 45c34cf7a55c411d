/**
 * Options of a script that people run by hand. What its file says at its head is its help: it is shown for
 * `--help`, and beside what was wrong, so that no second text can differ from the first.
 */
import { readFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';

type OptionsConfig = NonNullable<ParseArgsConfig['options']>;
type Values<Options extends OptionsConfig> = ReturnType<typeof parseArgs<{ options: Options }>>['values'];

/**
 * The options that `file`, the script's own, was started with. Ends the process where it can't start with
 * them: exit code 0 after `--help`, 2 after an option that is not understood.
 */
export function commandOptions<const Options extends OptionsConfig>(
  file: string,
  options: Options,
  args: readonly string[] = process.argv.slice(2),
): Values<Options> {
  if (args.includes('--help')) {
    process.stdout.write(`${helpOf(readFileSync(file, 'utf8'))}\n`);
    process.exit(0);
  }
  try {
    return parseArgs({ args: [...args], options }).values as Values<Options>;
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')) throw error;
    return refuse(file, (error as Error).message.split('. ')[0] as string);
  }
}

/** A whole number that `--name` has, from `least` on; ends the process as `commandOptions` does. */
export function wholeOption(file: string, name: string, text: string, least = 0): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(number) && number >= least) return number;
  return refuse(file, `--${name} ${text}: must be a whole number, from ${least}`);
}

function refuse(file: string, what: string): never {
  process.stderr.write(`${what}.\n\n${helpOf(readFileSync(file, 'utf8'))}\n`);
  process.exit(2);
}

/** The comment at the head of a file, without its frame. */
function helpOf(source: string): string {
  const comment = /^\/\*\*\n(.*?)\n \*\//s.exec(source)?.[1] ?? '';
  return comment.replace(/^ \* ?/gm, '');
}
