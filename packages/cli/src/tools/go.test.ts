import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type GoTool, provisionGoTool } from './go.ts';

/** A Go toolchain made of a shell script: it notes what it was asked for, and leaves a binary. */
let root: string;
let said: string[];
let env: Record<string, string>;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'driftless-go-'));
  said = [];
  env = { PATH: join(root, 'bin'), XDG_CACHE_HOME: join(root, 'cache'), HOME: root };
});
afterEach(() => rmSync(root, { recursive: true }));

function go(...lines: string[]): void {
  mkdirSync(join(root, 'bin'), { recursive: true });
  writeFileSync(join(root, 'bin/go'), ['#!/bin/sh', 'echo "$@" >> "$HOME/asked"', ...lines, ''].join('\n'));
  chmodSync(join(root, 'bin/go'), 0o755);
}
const asked = (): string[] => readFileSync(join(root, 'asked'), 'utf8').trim().split('\n');
const provision = (tool: GoTool) => provisionGoTool(tool, { env, say: (line) => void said.push(line) });
const tool: GoTool = { name: 'tool', module: 'example.org/tool', folder: 'cmd/tool', version: '1.2.3' };

it('builds a tool once, pinned, and keeps it', async () => {
  go(`echo made > "$GOBIN/tool"`);
  const path = await provision(tool);
  expect(path).toBe(join(root, 'cache/driftless/tool/1.2.3/tool'));
  expect(await provision(tool)).toBe(path);
  expect(asked()).toEqual(['install example.org/tool/cmd/tool@v1.2.3']);
  expect(said.at(-1)).toMatch(/^tool: 1\.2\.3 is there/);
});

it('says which modules are beside one that replaces them by folders', async () => {
  const own = join(root, 'own');
  mkdirSync(own);
  const lines = [
    'module example.org/tool',
    'go 1.26.0',
    'replace (',
    '  b.org/x => ./staging/x',
    '  b.org/y => ../y',
    ')',
  ];
  writeFileSync(join(own, 'go.mod'), lines.join('\n'));
  go(
    `if [ "$1" = mod ]; then echo '{"Dir":"${own}"}'; fi`,
    `if [ "$1" = build ]; then /bin/cat go.mod > "$HOME/built"; echo made > "$3"; fi`,
  );
  expect(existsSync(await provision({ ...tool, besides: '0.2.3' }))).toBe(true);
  expect(asked()[0]).toBe('mod download -json example.org/tool@v1.2.3');
  expect(asked()[1]).toMatch(/^build -o \S+\/tool example\.org\/tool\/cmd\/tool$/);
  expect(readFileSync(join(root, 'built'), 'utf8').trim().split('\n')).toEqual([
    'module build',
    'go 1.26.0',
    'require example.org/tool v1.2.3',
    'replace b.org/x => b.org/x v0.2.3',
    'replace b.org/y => b.org/y v0.2.3',
  ]);
});

it('throws what Go says, and leaves nothing behind', async () => {
  go('echo "no such module" >&2', 'exit 1');
  await expect(provision(tool)).rejects.toThrow('no such module');
  expect(existsSync(join(root, 'cache/driftless/tool/1.2.3'))).toBe(false);
});
