/** Text of generated pages as the formatter wants it. */

/** A table with padded columns. The first row is the head. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const padded = [head, widths.map((width) => '-'.repeat(width)), ...body].map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)),
  );
  return padded.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

const lineCharsMax = 118;

/** A paragraph in lines of a width, wherever the text had its own. */
export function folded(text: string): string {
  const lines = [''];
  for (const word of text.trim().split(/\s+/)) {
    const line = lines.at(-1) as string;
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= lineCharsMax) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}
