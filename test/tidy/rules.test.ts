/** Every rule, shown to fail on a few lines that break it and to pass on a few that don't. */
import { describe, expect, it } from 'vitest';
import { allowedRooms, checkSource, ruleNames } from './rules.ts';
import { parseSource } from './source.ts';

const essay = '/** What it is for. */\n';
const broken = (path: string, text: string): string[] => {
  const rules = checkSource(parseSource(path, text)).map(({ rule }) => rule);
  return [...new Set(rules)];
};
const core = 'packages/store-node/src/core/x.ts';
const shell = 'packages/store-node/src/http/x.ts';

const breaks: [rule: string, path: string, text: string][] = [
  ['file-length', shell, essay + '\n'.repeat(400)],
  ['function-length', shell, `${essay}function f() {\n${'  f();\n'.repeat(69)}}`],
  ['function-length', shell, `${essay}class A {\n  #f() {\n${'    f();\n'.repeat(69)}  }\n}`],
  ['function-length', 'test/a.test.ts', `it('works', () => {\n${'  f();\n'.repeat(69)}});`],
  ['line-length', shell, `${essay}// ${'x'.repeat(108)}`],
  ['essay', shell, 'export const x = 1;'],
  ['essay', shell, '// A line comment is not an essay.\nexport const x = 1;'],
  ['purity', core, `${essay}const t = Date.now();`],
  ['purity', core, `${essay}const t = new Date();`],
  ['purity', core, `${essay}const read = Date.now;`],
  ['purity', core, `${essay}const t = performance.now();`],
  ['purity', core, `${essay}const r = Math.random();`],
  ['purity', core, `${essay}const id = crypto.randomUUID();`],
  ['purity', core, `${essay}setTimeout(f, 1);`],
  ['purity', core, `${essay}later(setImmediate);`],
  ['purity', core, `${essay}globalThis.setTimeout(f, 1);`],
  ['purity', core, `${essay}const x = process.env.HOME;`],
  ['purity', core, `${essay}console.log(1);`],
  ['purity', core, `${essay}await fetch(url);`],
  ['purity', core, `${essay}import { readFileSync } from 'node:fs';`],
  ['purity', core, `${essay}import { hash, randomBytes } from 'node:crypto';`],
  ['purity', core, `${essay}import * as crypto from 'node:crypto';`],
  ['purity', core, `${essay}export * from 'node:timers';`],
  ['purity', core, `${essay}const fs = await import('node:fs');`],
  ['purity', core, `${essay}import Database from 'better-sqlite3';`],
  ['purity', core, `${essay}import { open } from '../sqlite/open.ts';`],
  ['purity', core, `${essay}import { createLogger } from '@driftless/runtime';`],
  ['purity', 'packages/contracts/src/x.ts', `${essay}const t = Date.now();`],
  ['purity', 'packages/anti-entropy/src/x.ts', `${essay}const t = Date.now();`],
  ['purity', 'packages/cli/src/up/core/x.ts', `${essay}const t = Date.now();`],
  ['index-exports-only', 'packages/client/src/index.ts', 'export const x = 1;'],
  ['index-exports-only', 'packages/client/src/index.ts', "import './x.ts';\nexport * from './x.ts';"],
  ['composition-root', shell, `${essay}import { run } from '../main.ts';`],
  ['composition-root', 'packages/gateway/src/index.ts', "export * from './main.ts';"],
  ['deep-import', shell, `${essay}import { x } from '@driftless/contracts/src/hop.ts';`],
  ['deep-import', shell, `${essay}import type { X } from '../../../contracts/src/hop.ts';`],
  ['deep-import', 'test/a.test.ts', "import { x } from '../packages/contracts/src/hop.ts';"],
  ['deep-import', shell, `${essay}let x: import('@driftless/contracts/src/hop.ts').X;`],
  ['import-direction', 'packages/contracts/src/x.ts', `${essay}import type { X } from '@driftless/runtime';`],
  ['import-direction', shell, `${essay}import { x } from '@driftless/gateway';`],
  ['import-direction', 'packages/cli/src/x.ts', `${essay}import { x } from '@driftless/store-node';`],
  ['import-direction', 'packages/runtime/src/x.ts', `${essay}import { x } from '@driftless/client';`],
];

describe('a rule is broken by', () => {
  it.each(breaks)('%s: %s %#', (rule, path, text) => expect(broken(path, text)).toContain(rule));

  it('something for every rule there is', () => {
    expect([...new Set(breaks.map(([rule]) => rule))].sort()).toEqual([...ruleNames].sort());
  });
});

const keeps: [path: string, text: string][] = [
  [shell, essay + '\n'.repeat(399)],
  [shell, `${essay}function f() {\n${'  f();\n'.repeat(68)}}`],
  ['test/a.test.ts', `describe('all', () => {\n${'  f();\n'.repeat(200)}});`],
  [shell, `${essay}setTimeout(() => Date.now(), Math.random());`],
  [shell, `#!/usr/bin/env node\n${essay}`],
  ['packages/contracts/src/x.test.ts', 'const t = Date.now();'],
  [core, `${essay}const text = 'Date.now() and process.env'; // setTimeout, Math.random()`],
  [core, `${essay}const day = new Date(now).toISOString();`],
  [core, `${essay}function f(process: { id: number }) { return process.id; }`],
  [core, `${essay}const effect = { process: 1, fetch: 2 }; effect.fetch; type T = { console: string };`],
  [core, `${essay}import { Buffer } from 'node:buffer';\nimport { hash } from 'node:crypto';`],
  [core, `${essay}import type { Logger } from '@driftless/runtime';`],
  [core, `${essay}import { type Logger, type Telemetry } from '@driftless/runtime';`],
  [core, `${essay}import { step } from './machine.ts';\nimport { z } from 'zod';`],
  [core, `${essay}import { LeafDigests } from '@driftless/anti-entropy';`],
  ['packages/client/src/index.ts', "export * from './x.ts';\nexport type { X } from './y.ts';"],
  [shell, `${essay}import { x } from '@driftless/contracts';\nimport { y } from '../core/y.ts';`],
  ['test/a.test.ts', "import { x } from '@driftless/gateway';\nimport { y } from '@driftless/store-node';"],
];

describe('no rule is broken by', () => {
  it.each(keeps)('%s %#', (path, text) => expect(broken(path, text)).toEqual([]));
});

it('the import direction has no way round', () => {
  const reach = (room: string, seen = new Set<string>()): Set<string> => {
    for (const next of allowedRooms[room] ?? []) if (!seen.has(next)) reach(next, seen.add(next));
    return seen;
  };
  for (const room of Object.keys(allowedRooms)) expect(reach(room)).not.toContain(room);
});
