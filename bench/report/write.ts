/** Writes a run's page, plots and figures. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pageOf } from './page.ts';
import { plotsOf } from './plots.ts';
import type { Run } from './run.ts';

const folder = 'performance';

/** Into this directory; the page's path. */
export function writeReport(run: Run, directory: string): string {
  mkdirSync(join(directory, folder), { recursive: true });
  const plots = plotsOf(run);
  for (const [name, svg] of plots) writeFileSync(join(directory, folder, name), svg);
  writeFileSync(join(directory, folder, 'run.json'), `${JSON.stringify(run, undefined, 2)}\n`);
  const page = join(directory, `${folder}.md`);
  writeFileSync(page, pageOf(run, folder, new Set(plots.keys())));
  return page;
}
