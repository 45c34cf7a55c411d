/**
 * What an answer says about itself: version, who gave it, where that replica stood, and how far behind it
 * was.
 */
import type { Answer, ClientSession, Read, Written } from '@driftless/client';
import { formatDuration, grouped, type Paint, printable, table } from '../output/terminal.ts';

export function aboutRead(
  { version, contentType, bytes, ...answer }: Omit<Read, 'value'>,
  paint: Paint,
): string {
  return lines([
    ['version', version],
    ['type', `${printable(contentType)}, ${grouped(bytes)} bytes`],
    ...standing(answer, paint),
  ]);
}

export function aboutWritten({ key, version, created, ack, ...answer }: Written, paint: Paint): string {
  const what = created ? 'created' : 'replaced';
  const where = answer.node === undefined ? '' : `, by ${answer.node}`;
  return `${paint('green', what)} ${printable(key)} at version ${version} (ack ${ack}${where})\n`;
}

/** The token to go on with, whole: it is for the next command, not for people. */
export function aboutSession(session: ClientSession | undefined): string {
  return session?.token === undefined ? '' : lines([['session', session.token]]);
}

/** What isn't known is said to be unknown, never 0. */
function standing({ node, position, lagOps, lagMs }: Answer, paint: Paint): string[][] {
  const behind = [
    lagOps === undefined ? undefined : `${grouped(lagOps)} operations`,
    lagMs === undefined ? undefined : formatDuration(lagMs),
  ].filter((part) => part !== undefined);
  const isBehind = (lagOps ?? 0) > 0 || (lagMs ?? 0) > 0;
  const lag = behind.length === 0 ? 'unknown' : behind.join(', ');
  return [
    ['node', node ?? 'unknown'],
    ['position', position ?? 'unknown'],
    ['lag', isBehind ? paint('yellow', lag) : lag],
  ];
}

function lines(rows: string[][]): string {
  return `${table(rows).join('\n')}\n`;
}
