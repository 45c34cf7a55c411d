/** What the pages say about the repository must be there: links, paths, npm scripts, test rings. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const pages = globSync(['*.md', 'docs/**/*.md', 'bench/**/*.md', 'helm/**/*.md', 'packages/*/src/**/*.md'], {
  cwd: root,
  exclude: (name) => name.includes('node_modules'),
});
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

/** Targets of links into the repository, without anchors. */
export function linksIn(page: string): string[] {
  return [...page.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => (target as string).replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target));
}

/**
 * Paths in backticks that name a file or folder of the repository: `packages/cli/src/up/up.ts`,
 * `cli/src/up/`.
 */
export function pathsIn(page: string): string[] {
  const quoted = [...page.matchAll(/`([\w./-]+)`/g)].map(([, path]) => path as string);
  return quoted.filter((path) => /^(packages|test|docs|scripts|bench|[a-z-]+\/src)\//.test(path));
}

export function scriptsIn(page: string): string[] {
  return [...page.matchAll(/npm run (?:-\w+ )*([\w:][\w:-]*)/g)].map(([, name]) => name as string);
}

const exists = (path: string): boolean =>
  existsSync(join(root, path)) || existsSync(join(root, 'packages', path));

describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(root, page), 'utf8');

  it('links to what is there', () => {
    expect(linksIn(text).filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
  });

  it('names paths and npm scripts that are there', () => {
    expect(pathsIn(text).filter((path) => !exists(path))).toEqual([]);
    expect(scriptsIn(text).filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  it('names no path of somebody’s machine', () => {
    expect(text.match(/(\/home\/|\/Users\/|\/work\/|\/root\/)\S*/g) ?? []).toEqual([]);
  });
});

it('the pages are read as meant', () => {
  expect(linksIn('[a](docs/x.md#part) [b](https://x.y) [c](#d)')).toEqual(['docs/x.md']);
  expect(pathsIn('`packages/cli/src/a.ts`, `cli/src/b.ts`, `GET /v1/kv`, `step(state)`')).toEqual([
    'packages/cli/src/a.ts',
    'cli/src/b.ts',
  ]);
  expect(scriptsIn('npm run demo:cities, npm run -s tidy')).toEqual(['demo:cities', 'tidy']);
});
