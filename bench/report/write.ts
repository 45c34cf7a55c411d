/** Writes a run's page, plots and figures. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pageOf } from './page.ts';
import { plotsOf } from './plots.ts';
import type { Run, RunHead } from './run.ts';

/** What is made of a kind of run, in a folder and a page of that name. */
interface Report<One extends RunHead> {
  name: string;
  /** By file name; a plot that the run has nothing for is absent. */
  plotsOf(run: One): Map<string, string>;
  pageOf(run: One, folder: string, plots: ReadonlySet<string>): string;
}

/** Into this directory; the page's path. */
export function writeReport(run: Run, directory: string): string {
  return writeRun({ name: 'performance', plotsOf, pageOf }, run, directory);
}

export function writeRun<One extends RunHead>(report: Report<One>, run: One, directory: string): string {
  const { name: folder } = report;
  mkdirSync(join(directory, folder), { recursive: true });
  const plots = report.plotsOf(run);
  for (const [name, svg] of plots) writeFileSync(join(directory, folder, name), svg);
  writeFileSync(join(directory, folder, 'run.json'), `${JSON.stringify(run, undefined, 2)}\n`);
  const page = join(directory, `${folder}.md`);
  writeFileSync(page, report.pageOf(run, folder, new Set(plots.keys())));
  return page;
}
