/**
 * The metrics that a PromQL expression reads. Not a parser: what can be no metric is taken away, and what is
 * left are names of metrics. Enough for expressions that Prometheus itself has accepted.
 */

const keywords = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan', 'on', 'ignoring', 'by']);

export function metricsIn(expression: string): string[] {
  const text = expression
    .replace(/\\./g, '')
    .replace(/"[^"]*"|'[^']*'/g, '""')
    .replace(/\{[^}]*\}/g, ' ')
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
    .replace(/\b\d[\w.]*/g, ' ');
  const names = [...text.matchAll(/(?<![$\w])([a-zA-Z_:][\w:]*)(?!\w*\s*\()/g)].map(([, name]) => name ?? '');
  return [...new Set(names.filter((name) => !keywords.has(name.toLowerCase())))];
}

/** The metric that a series of a histogram or of a summary belongs to. */
export function withoutSuffix(name: string): string {
  return name.replace(/_(bucket|count|sum)$/, '');
}
