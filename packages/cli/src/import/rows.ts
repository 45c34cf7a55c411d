/**
 * Reads records one by one from NDJSON or from CSV with a header line. A row that can't be read doesn't stop
 * the others: it comes as a row with a problem, in its place, with the line it stands on.
 */
import type { Readable } from 'node:stream';
import { type CsvError, parse } from 'csv-parse';
import { type Line, LineCutter, textOf } from '../output/lines.ts';

export type Format = 'ndjson' | 'csv';

/** Longest row: a value of 512 KiB in base64 with a long key, escaped, and room to spare. */
export const rowBytesMax = 4 * 1024 * 1024;

export interface Row {
  /** Line of the source on which the row ends, from 1. */
  line: number;
  /** The row as it stands in the source; empty when it was too long to keep. */
  raw: string;
  /** Bytes of the source up to the end of the row. */
  endByte: number;
  /** What the row says by field, or why it says nothing. */
  record: Record<string, unknown> | undefined;
  problem?: string;
}

/** Rows in order, as many at a time as come together: a promise for each would cost as much as the row. */
export function rowsOf(source: Readable, format: Format): AsyncGenerator<Row[]> {
  return format === 'csv' ? csvRows(source) : ndjsonRows(source);
}

async function* ndjsonRows(source: AsyncIterable<Uint8Array>): AsyncGenerator<Row[]> {
  const cutter = new LineCutter(rowBytesMax);
  const rowsIn = (lines: readonly Line[]): Row[] => lines.flatMap((line) => ndjsonRow(line) ?? []);
  for await (const chunk of source) yield rowsIn(cutter.cut(chunk));
  yield rowsIn(cutter.end());
}

/** Empty lines are no rows. */
function ndjsonRow({ number, bytes, tooLong, endByte }: Line): Row | undefined {
  const bad = (problem: string, raw = ''): Row => ({
    line: number,
    raw,
    endByte,
    record: undefined,
    problem,
  });
  if (tooLong) return bad(`the line is longer than ${rowBytesMax} bytes`);
  const raw = textOf(bytes);
  if (raw === undefined) return bad('the line is not UTF-8', bytes.toString('latin1'));
  if (raw.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    return bad('the line is not JSON', raw);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return bad('the line is not a JSON object', raw);
  }
  return { line: number, raw, endByte, record: value as Record<string, unknown> };
}

interface CsvItem {
  record: Record<string, unknown>;
  info: { lines: number; bytes: number };
  raw: string;
}

/**
 * The parser tells of rows it skipped at the moment it meets them, which is before the good rows in front of
 * them have been taken from its buffer; they wait here until their line comes.
 */
async function* csvRows(source: Readable): AsyncGenerator<Row[]> {
  const skipped: Row[] = [];
  const parser = parse({
    bom: true,
    columns: true,
    info: true,
    raw: true,
    skip_empty_lines: true,
    max_record_size: rowBytesMax,
    skip_records_with_error: true,
    on_skip: (error: CsvError | undefined, raw: string | undefined) => {
      const line = Number(error?.lines ?? 0);
      const problem = csvProblem(error);
      // One bad row may be told several times, once for each thing that is wrong with it.
      if (skipped.at(-1)?.line === line) return;
      const endByte = Number(error?.bytes ?? 0);
      skipped.push({ line, raw: raw?.replace(/\r?\n$/, '') ?? '', endByte, record: undefined, problem });
    },
  });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  for await (const { record, info, raw } of parser as AsyncIterable<CsvItem>) {
    while (skipped[0] !== undefined && skipped[0].line <= info.lines) yield [skipped.shift() as Row];
    yield [{ line: info.lines, raw: raw.replace(/\r?\n$/, ''), endByte: info.bytes, record }];
  }
  yield skipped;
}

function csvProblem(error: CsvError | undefined): string {
  switch (error?.code) {
    case 'CSV_RECORD_INCONSISTENT_COLUMNS':
      return 'the row does not have as many fields as the header';
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quoted field is not closed';
    case 'CSV_MAX_RECORD_SIZE':
      return `the row is longer than ${rowBytesMax} bytes`;
    default:
      return 'the quotes in the row are not well placed';
  }
}
