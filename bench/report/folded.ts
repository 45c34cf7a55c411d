/** A paragraph of a generated page as the formatter wants it. */
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
