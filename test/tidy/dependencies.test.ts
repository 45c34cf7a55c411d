/**
 * docs/dependencies.md has a line for each direct dependency and no other; and what a package imports is what
 * its package.json declares, so that a workspace never works only because a neighbour installed something.
 */
import { globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allowedRooms, roomOf } from './rules.ts';
import { readSources, type Source } from './source.ts';

const root = join(import.meta.dirname, '../..');

interface Manifest {
  /** Folder of the package from the root of the repository; empty for the root itself. */
  folder: string;
  run: string[];
  all: string[];
}

interface ManifestFile {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const files = [
  'package.json',
  ...globSync('{packages/*,test,bench,dashboards,helm}/package.json', { cwd: root }),
];
const manifests: Manifest[] = files.map((file) => {
  const content = JSON.parse(readFileSync(join(root, file), 'utf8')) as ManifestFile;
  const run = Object.keys(content.dependencies ?? {});
  const others = [content.devDependencies, content.optionalDependencies].flatMap((list) =>
    Object.keys(list ?? {}),
  );
  return { folder: file.replace(/\/?package\.json$/, ''), run, all: [...run, ...others] };
});
const rootManifest = manifests.find(({ folder }) => folder === '') as Manifest;

/** Packages that the page has a table row for. */
export function documented(page: string): string[] {
  return [...page.matchAll(/^\| `([^`]+)` +\| [^|]+ \| [^|]+ \|$/gm)].map(([, name]) => name as string);
}

/** Packages that a source imports, without those of Node and its own files. */
export function packagesOf({ imports }: Source): string[] {
  return imports.flatMap(({ specifier }) => {
    if (/^(\.|node:)/.test(specifier) || builtinModules.includes(specifier)) return [];
    return [
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/'),
    ];
  });
}

describe('docs/dependencies.md', () => {
  const page = documented(readFileSync(join(root, 'docs/dependencies.md'), 'utf8'));

  it('has one line for each direct dependency, and no other', () => {
    const direct = manifests.flatMap(({ all }) => all).filter((name) => !name.startsWith('@driftless/'));
    expect([...page].sort()).toEqual([...new Set(direct)].sort());
  });

  it('is read by rows: a name in passing is no line', () => {
    expect(documented('| `a` | what | why |\n`b` is not a row\n| `c` | what |')).toEqual(['a']);
  });
});

describe('a package.json', () => {
  const sources = readSources(root);
  const sourcesOf = (folder: string): Source[] => sources.filter(({ path }) => path.startsWith(`${folder}/`));

  it.each(manifests.filter(({ folder }) => folder !== ''))(
    'of $folder declares what is imported',
    (manifest) => {
      const undeclared = sourcesOf(manifest.folder).flatMap((source) => {
        const isTest =
          !source.path.includes('/src/') || /\.test\.ts$|\/acceptance\.ts$|\/testing\//.test(source.path);
        const known = new Set([...manifest.all, ...(isTest ? rootManifest.all : [])]);
        const missing = packagesOf(source).filter((name) => !known.has(name));
        return missing.map((name) => `${source.path} imports ${name}`);
      });
      expect(undeclared).toEqual([]);
    },
  );

  it.each(manifests)('of "$folder" asks of our own rooms only for those it may see', ({ folder, run }) => {
    const allowed = allowedRooms[roomOf(`${folder}/x`) ?? ''];
    const ours = run
      .filter((name) => name.startsWith('@driftless/'))
      .map((name) => name.slice('@driftless/'.length));
    if (allowed) expect(ours.filter((name) => !allowed.includes(name))).toEqual([]);
  });

  it('has exact versions only', () => {
    for (const file of files) {
      const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
        readFileSync(join(root, file), 'utf8'),
      ) as ManifestFile;
      const versions = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
      expect(
        versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
        file,
      ).toEqual([]);
    }
  });
});
