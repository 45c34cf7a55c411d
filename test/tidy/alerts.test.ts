/**
 * Alerts, and what belongs to each: a severity, a runbook, unit tests in both directions. That the rules are
 * right is tried by Prometheus' own tools (test/integration/observe).
 */
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { alerts, expectationsOf, filesOf, read, root, unitTests } from './alert-files.ts';

const names = alerts.map(({ alert }) => alert);
const runbooks = filesOf('docs/runbooks/*.md').filter((file) => !file.endsWith('README.md'));
const headings = ['What it means', 'How to see it', 'What to do', 'When it is over'];

it('the rules are read: alerts of every severity are there, each once', () => {
  expect(new Set(alerts.map(({ labels }) => labels.severity)).size).toBe(3);
  expect(names).toEqual([...new Set(names)]);
});

describe.each(alerts)('$alert', ({ alert, annotations, labels, file }) => {
  it('has a runbook, and annotations that lead there', () => {
    expect(annotations.runbook_url).toBe(`{{ or $externalLabels.docs "docs" }}/runbooks/${alert}.md`);
    const page = read(`docs/runbooks/${alert}.md`);
    const found = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(found).toEqual(headings);
    expect(page).toContain(`Severity: **${labels.severity}**`);
    expect(page).toContain(`(../../${file})`);
    expect(read('docs/runbooks/README.md')).toMatch(
      new RegExp(`^\\| \\[${alert}\\].*\\| +${labels.severity} +\\|`, 'm'),
    );
  });

  it('has unit tests in both directions', () => {
    const { fires, rests } = expectationsOf(alert);
    expect(fires).toBeGreaterThan(0);
    expect(rests).toBeGreaterThan(0);
  });
});

it.each(unitTests)(
  '$file says in which order groups are evaluated, which is any otherwise',
  ({ order, groups }) => {
    expect(groups.length).toBeGreaterThan(1);
    expect(order).toEqual(groups);
  },
);

describe('the runbooks', () => {
  it('are of alerts that are there', () => {
    expect(runbooks.map((file) => basename(file, '.md')).filter((name) => !names.includes(name))).toEqual([]);
  });

  it('use commands and options that are there', () => {
    const sources = globSync('packages/cli/src/*/register.ts', { cwd: root }).map(read).join('\n');
    const known = [...sources.matchAll(/ommand\(\s*(?:\w+,\s*)?'([a-z-]+)/g)].map(([, name]) => name);
    const used = runbooks.flatMap((file) => [
      ...read(file).matchAll(/driftless ([a-z][a-z-]+)((?: [a-z]+)?)/g),
    ]);
    expect(used.length).toBeGreaterThan(20);
    const groups = ['leader', 'members'];
    const unknown = used.flatMap(([, command = '', sub = '']) =>
      [command, ...(groups.includes(command) && sub ? [sub.trim()] : [])].filter(
        (word) => !known.includes(word),
      ),
    );
    expect(unknown).toEqual([]);
    const options = runbooks.flatMap((file) => [...read(file).matchAll(/driftless [^`\n#]*?(--[a-z-]+)/g)]);
    expect(
      options.filter(([, option]) => !sources.includes(`${option} `) && !sources.includes(`${option}'`)),
    ).toEqual([]);
  });

  it('name settings that are there', () => {
    const settings = read('docs/configuration.md');
    const used = runbooks.flatMap((file) => [...read(file).matchAll(/DRIFTLESS_[A-Z_]+/g)].map(String));
    expect(used.filter((name) => !settings.includes(`\`${name}\``))).toEqual([]);
  });
});

it('who is told is decided by alerts that are there', () => {
  const matched = [...read('alerts/alertmanager.yaml').matchAll(/alertname (=~?) "([^"]+)"/g)];
  expect(matched.length).toBeGreaterThan(10);
  const patterns = matched.flatMap(([, , pattern = '']) => pattern.split('|'));
  expect(patterns.filter((one) => !names.some((name) => new RegExp(`^${one}$`).test(name)))).toEqual([]);
});
