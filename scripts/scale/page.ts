/**
 * docs/scale.md is written by hand, but for what can be computed: that stands between two marks, and is put
 * there by this.
 *
 *     <!-- scale: balance -->
 *
 *     | Nodes × shards | …
 *
 *     <!-- end -->
 */

/** The page with these parts in their places. Throws when a place or a part is missing. */
export function withParts(page: string, parts: Readonly<Record<string, string>>): string {
  const placed = new Set<string>();
  const text = page.replace(/(<!-- scale: ([\w-]+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, begin, name, end) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`The page has a place for "${name}", which nothing makes.`);
    placed.add(name);
    return `${begin}\n${part}\n\n${end}`;
  });
  const homeless = Object.keys(parts).filter((name) => !placed.has(name));
  if (homeless.length > 0) throw new Error(`The page has no place for ${homeless.join(', ')}.`);
  return text;
}
