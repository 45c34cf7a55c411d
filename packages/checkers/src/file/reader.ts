/** Reads a history as a stream of bytes, with one line in memory beside the operations. */
import type { AckLevel } from '@driftless/contracts';
import { HistoryError } from '../core/arrange.ts';
import { HistoryAssembler } from '../core/assemble.ts';
import type { History } from '../core/history.ts';

/** Longest line, in characters. Values are at most 512 KiB, and each of their bytes at most six in JSON. */
export const lineCharsMax = 4 * 1024 * 1024;

/** Throws `HistoryError` when the bytes are not a history. */
export async function readHistory(
  source: AsyncIterable<Uint8Array>,
  mayLose?: ReadonlySet<AckLevel>,
): Promise<History> {
  const assembler = new HistoryAssembler();
  const decoder = new TextDecoder();
  let line = 1;
  let rest = '';
  for await (const chunk of source) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) assembler.line(part);
    line += parts.length;
    if (rest.length > lineCharsMax) throw new HistoryError(line, `is longer than ${lineCharsMax} characters`);
  }
  if (rest !== '') assembler.line(rest, false);
  return assembler.build(mayLose);
}
