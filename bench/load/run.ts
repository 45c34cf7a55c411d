/** Runs one load in a process of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LoadPlan, LoadReport } from './plan.ts';

export async function runLoad(plan: LoadPlan): Promise<LoadReport> {
  const args = [join(import.meta.dirname, 'client.ts'), JSON.stringify(plan)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as LoadReport;
}
