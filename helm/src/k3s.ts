/**
 * Renders deploy/k3s/driftless.yaml from the chart: `npm run helm:k3s`. With `--check` it writes nothing, and
 * ends with 1 when the file is stale. Hooks are left out: who applies manifests has nothing that runs them.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provisionGoTool } from '@driftless/cli';
import { helmTool } from './tools.ts';

const root = join(import.meta.dirname, '../..');
const file = join(root, 'deploy/k3s/driftless.yaml');
const head = `# Made by \`npm run helm:k3s\` of the chart and deploy/k3s/values.yaml: change it there.\n`;

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const helm = await provisionGoTool(helmTool, { env: process.env, say });
const args = ['template', 'driftless', 'helm/driftless', '--namespace', 'driftless', '--no-hooks'];
const { status, stdout, stderr } = spawnSync(helm, [...args, '--values', 'deploy/k3s/values.yaml'], {
  cwd: root,
  encoding: 'utf8',
});
if (status !== 0) {
  process.stderr.write(stderr);
  process.exitCode = 1;
} else if (!process.argv.includes('--check')) {
  writeFileSync(file, head + stdout);
} else if (readFileSync(file, 'utf8') !== head + stdout) {
  say('deploy/k3s/driftless.yaml is not what the chart says; run "npm run helm:k3s"');
  process.exitCode = 1;
}
