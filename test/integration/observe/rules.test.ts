/** The alerts, judged by the tools of those who run them: promtool for the rules, amtool for who is told. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ObserveTool, observeTool, obstacleTo } from '../../harness/observe-tools.ts';

const alerts = join(import.meta.dirname, '../../../alerts');
const filesOf = (pattern: string): string[] => globSync(pattern, { cwd: alerts }).sort();

function run(tool: ObserveTool, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(observeTool(tool), args, { cwd: alerts, encoding: 'utf8' });
  expect(status, stdout + stderr).toBe(0);
  return stdout.trim();
}

/** In CI a tool that is missing fails the tests; elsewhere their title says what was left out, and why. */
function describeWith(tool: ObserveTool, tests: () => void): void {
  const obstacle = obstacleTo(tool);
  const title = obstacle === undefined ? tool : `left out, for want of ${obstacle}`;
  describe.skipIf(obstacle !== undefined && !process.env.CI)(title, tests);
}

describeWith('promtool', () => {
  it('takes every rule', () => {
    expect(run('promtool', 'check', 'rules', ...filesOf('rules/*.yaml'))).not.toContain('FAILED');
  });

  it.each(filesOf('tests/*.yaml'))('%s: alerts fire, and do not', (file) => {
    expect(run('promtool', 'test', 'rules', file)).toContain('SUCCESS');
  });
});

describeWith('amtool', () => {
  it('takes who is told', () => {
    expect(run('amtool', 'check-config', 'alertmanager.yaml')).toContain('SUCCESS');
  });

  it.each([
    ['critical', ['severity=critical', 'alertname=ReplicaHalted'], 'pager'],
    ['warning', ['severity=warning'], 'telegram'],
    ['info', ['severity=info'], 'mail'],
    ['a warning for later', ['severity=warning', 'ticket=yes'], 'ticket,telegram'],
    ['info for later', ['severity=info', 'ticket=yes'], 'ticket,mail'],
  ])('sends %s where it belongs', (_, labels, receivers) => {
    expect(run('amtool', 'config', 'routes', 'test', '--config.file=alertmanager.yaml', ...labels)).toBe(
      receivers,
    );
  });

  it('takes what a message says', () => {
    const template = '{{ template "driftless.text" . }}';
    const args = ['--template.glob=templates/*.tmpl', `--template.text=${template}`];
    expect(run('amtool', 'template', 'render', ...args)).toContain('what to do:');
  });
});
