/** The rules over the whole repository. rules.test.ts shows that each of them can fail. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exceptions } from './exceptions.ts';
import { allowedRooms, checkSource, roomOf, ruleNames } from './rules.ts';
import { readSources } from './source.ts';

const root = join(import.meta.dirname, '../..');
const sources = readSources(root);
const violations = sources.flatMap(checkSource);
const excepted = (rule: string, path: string): boolean =>
  exceptions.some((exception) => exception.rule === rule && exception.path === path);

describe('the repository', () => {
  it('is read: sources of every room are there', () => {
    const rooms = new Set(sources.map(({ path }) => roomOf(path)));
    for (const room of ['contracts', 'anti-entropy', 'runtime', 'test']) expect(rooms).toContain(room);
  });

  it.each(ruleNames)('keeps the rule %s', (rule) => {
    const open = violations.filter((violation) => violation.rule === rule && !excepted(rule, violation.path));
    expect(open.map(({ path, line, message }) => `${path}:${line} ${message}`)).toEqual([]);
  });

  it('has no exception without a reason, and none that is not needed', () => {
    for (const { rule, path, reason } of exceptions) {
      expect(reason.length, `${rule} ${path} needs a reason`).toBeGreaterThan(20);
      const needed = violations.some((violation) => violation.rule === rule && violation.path === path);
      expect(needed, `the exception ${rule} for ${path} is not needed any more`).toBe(true);
    }
  });

  it('knows every package in the import direction', () => {
    const packages = new Set(
      sources.filter(({ path }) => path.startsWith('packages/')).map(({ path }) => roomOf(path)),
    );
    for (const name of packages) expect(Object.keys(allowedRooms)).toContain(name);
  });

  it('has a lock file that names no registry', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { resolved?: string }>;
    };
    const hosts = Object.values(lock.packages).flatMap(({ resolved }) =>
      resolved?.includes('://') ? [resolved] : [],
    );
    expect(hosts).toEqual([]);
  });
});
