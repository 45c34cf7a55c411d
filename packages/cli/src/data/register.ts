/**
 * `put`, `get`, `del`, `list`: one request each. Values go to standard output as they are, byte for byte;
 * what is said about them goes to standard error, so that `driftless get k > file` keeps exactly what was
 * put.
 */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import {
  ackLevelSchema,
  listLimitMax,
  readLevelSchema,
  stalenessMsMax,
  ttlSecondsMax,
} from '@driftless/contracts';
import { type Command, Option } from 'commander';
import { type ClusterContext, clusterCommand, inCluster } from '../cluster/context.ts';
import { usageError } from '../output/failure.ts';
import { wholeNumber } from '../output/options.ts';
import { printable } from '../output/terminal.ts';
import { aboutRead, aboutSession, aboutWritten } from './about.ts';
import { type ListOptions, list } from './list.ts';
import { readAt } from './read-at.ts';

const ackOption = (): Option =>
  new Option('--ack <level>', 'how safe the write must be before it is answered').choices(
    ackLevelSchema.options,
  );
const consistencyOption = (): Option =>
  new Option('--consistency <level>', 'how fresh the answer must be').choices(readLevelSchema.options);

const stalenessOption = (): Option =>
  new Option('--max-staleness-ms <ms>', 'with bounded: the largest staleness, in milliseconds').argParser(
    wholeNumber(0, stalenessMsMax),
  );
const sessionOption = (): Option =>
  new Option('--session <token>', 'go on with the session that an earlier command told (see --include)');

export function registerData(program: Command): void {
  registerPut(program);
  registerGet(program);
  registerDelete(program);
  registerList(program);
}

function registerPut(program: Command): void {
  clusterCommand(program, 'put', 'keep a value under a key')
    .argument('<key>')
    .argument('[value]', 'the value; "-" reads it from standard input')
    .option('--file <path>', 'read the value from a file')
    .option('--type <type>', 'content type; JSON when the value is JSON, plain text otherwise')
    .option('--ttl <seconds>', 'time to live', wholeNumber(1, ttlSecondsMax))
    .addOption(ackOption())
    .option('--if-match <version>', 'only when the key is at this version ("*": exists)')
    .option('--if-none-match <version>', 'only when the key is not at this version ("*": does not exist)')
    .addOption(sessionOption())
    .option('-i, --include', 'say on standard error the session to go on with')
    .action((key: string, value: string | undefined, options: PutOptions, command: Command) =>
      inCluster(command, async ({ client, terminal, paint }) => {
        const bytes = await valueBytes(value, options.file);
        const { ack, ttl: ttlSeconds, ifMatch, ifNoneMatch } = options;
        const contentType = options.type ?? guessType(bytes);
        const asked = { contentType, ack, ttlSeconds, ifMatch, ifNoneMatch };
        const inSession = client.withSession(options.session);
        const written = await inSession.put(key, bytes, asked);
        terminal.out.write(aboutWritten(written, paint));
        if (options.include) terminal.err.write(aboutSession(inSession.session));
      }),
    );
}

interface PutOptions {
  file?: string;
  type?: string;
  ttl?: number;
  ack?: (typeof ackLevelSchema.options)[number];
  ifMatch?: string;
  ifNoneMatch?: string;
  session?: string;
  include?: boolean;
}

async function valueBytes(text: string | undefined, file: string | undefined): Promise<Uint8Array> {
  if ((text === undefined) === (file === undefined)) {
    throw usageError(
      'give the value either as an argument or with --file',
      '"-" reads it from standard input',
    );
  }
  if (file !== undefined) return readFile(file);
  return text === '-' ? buffer(process.stdin) : Buffer.from(text as string);
}

/** What is JSON is kept as JSON, so that listings and other clients show it as a value and not as a text. */
function guessType(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8');
  try {
    JSON.parse(text);
    return 'application/json';
  } catch {
    const isText = Buffer.from(text).equals(bytes) && !text.includes('\0');
    return isText ? 'text/plain; charset=utf-8' : 'application/octet-stream';
  }
}

function registerGet(program: Command): void {
  clusterCommand(program, 'get', 'print the value under a key')
    .argument('<key>')
    .addOption(consistencyOption())
    .addOption(stalenessOption())
    .addOption(sessionOption())
    .option('--node <id>', 'ask this very node, past the gateway')
    .option(
      '-i, --include',
      'say on standard error which version this is, who answered, and how far behind it is',
    )
    .action((key: string, options: GetOptions, command: Command) =>
      inCluster(command, async ({ client, terminal, paint }) => {
        const { node, consistency, maxStalenessMs, session } = options;
        const inSession = client.withSession(session);
        const read = await (node
          ? readAt(client, node, key, { level: consistency, maxStalenessMs })
          : inSession.get(key, { consistency, maxStalenessMs }));
        if (options.include) terminal.err.write(aboutRead(read, paint) + aboutSession(inSession.session));
        terminal.out.write(read.value);
        // The next prompt shall not stand behind the value.
        if (terminal.out.isTTY && read.value.at(-1) !== 0x0a) terminal.out.write('\n');
      }),
    );
}

interface GetOptions {
  consistency?: (typeof readLevelSchema.options)[number];
  maxStalenessMs?: number;
  session?: string;
  node?: string;
  include?: boolean;
}

function registerDelete(program: Command): void {
  clusterCommand(program, 'del', 'remove the value under a key')
    .argument('<key>')
    .addOption(ackOption())
    .option('--if-match <version>', 'only when the key is at this version ("*": exists)')
    .action((key: string, options: Pick<PutOptions, 'ack' | 'ifMatch'>, command: Command) =>
      inCluster(command, async ({ client, terminal }) => {
        await client.delete(key, { ack: options.ack, ifMatch: options.ifMatch });
        terminal.out.write(`deleted ${printable(key)}\n`);
      }),
    );
}

function registerList(program: Command): void {
  clusterCommand(program, 'list', 'list keys in order, with their values')
    .option('--prefix <prefix>', 'only keys that begin with this', '')
    .option('--limit <count>', 'at most so many entries; all of them by default', wholeNumber(1, 2 ** 31))
    .option('--page <count>', 'entries of one request', wholeNumber(1, listLimitMax), listLimitMax)
    .option('--keys-only', 'print the keys alone, one a line')
    .option('--json', 'print one JSON object a line')
    .addOption(consistencyOption())
    .action((options: ListOptions, command: Command) =>
      inCluster(command, (context: ClusterContext) => list(context, options)),
    );
}
