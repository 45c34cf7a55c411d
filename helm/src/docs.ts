/**
 * Writes the chart's README.md and values.schema.json from the comments of its values.yaml. `npm run
 * helm:docs`; with `--check` it writes nothing, and ends with 1 when one of them is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readmeOf } from './docs/readme.ts';
import { schemaOf } from './docs/schema.ts';
import { readValues } from './docs/values.ts';

const chart = join(import.meta.dirname, '../driftless');
const values = readValues(readFileSync(join(chart, 'values.yaml'), 'utf8'));
const pages = {
  'README.md': readmeOf(values),
  'values.schema.json': `${JSON.stringify(schemaOf(values), undefined, 2)}\n`,
};
for (const [name, text] of Object.entries(pages)) {
  const path = join(chart, name);
  if (!process.argv.includes('--check')) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    process.stderr.write(`helm/driftless/${name} is not what values.yaml says; run "npm run helm:docs"\n`);
    process.exitCode = 1;
  }
}
