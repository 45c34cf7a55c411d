/**
 * The rules that a machine can keep (sizes, purity, entry points, the import direction of ARCHITECTURE.md).
 * Each takes parsed sources and gives violations as data, so that a test can show every rule failing on a few
 * lines of text.
 */
import { posix } from 'node:path';
import type { ImportFact, Source } from './source.ts';

export const fileLinesMax = 400;
export const functionLinesMax = 70;
export const lineCharsMax = 110;

export const ruleNames = [
  'file-length',
  'function-length',
  'line-length',
  'essay',
  'purity',
  'index-exports-only',
  'composition-root',
  'deep-import',
  'import-direction',
] as const;
export type RuleName = (typeof ruleNames)[number];

export interface Violation {
  rule: RuleName;
  path: string;
  line: number;
  message: string;
}

/**
 * Which rooms a room may import from. What isn't listed imports nothing of ours; tests and benches see all.
 */
export const allowedRooms: Record<string, readonly string[]> = {
  contracts: [],
  'anti-entropy': ['contracts', 'runtime'],
  checkers: ['contracts'],
  runtime: ['contracts'],
  client: ['contracts'],
  'store-node': ['contracts', 'anti-entropy', 'runtime'],
  gateway: ['contracts', 'runtime'],
  cli: ['contracts', 'checkers', 'client', 'runtime'],
  lab: ['contracts', 'checkers', 'client', 'runtime'],
  console: ['contracts', 'client'],
};

export function checkSource(source: Source): Violation[] {
  const found = [checkSize, checkEssay, checkPurity, checkIndex, checkImports].flatMap((rule) =>
    rule(source),
  );
  return found.map((violation) => ({ ...violation, path: source.path }));
}

type Found = Omit<Violation, 'path'>;

function checkSize({ lines, functions }: Source): Found[] {
  const found: Found[] = [];
  if (lines.length > fileLinesMax) {
    found.push({ rule: 'file-length', line: 1, message: `${lines.length} lines; ${fileLinesMax} at most` });
  }
  for (const [i, text] of lines.entries()) {
    if (text.length <= lineCharsMax) continue;
    found.push({
      rule: 'line-length',
      line: i + 1,
      message: `${text.length} characters; ${lineCharsMax} at most`,
    });
  }
  for (const { name, firstLine, lines: length, isSuite } of functions) {
    if (isSuite || length <= functionLinesMax) continue;
    const message = `${name} has ${length} lines; ${functionLinesMax} at most`;
    found.push({ rule: 'function-length', line: firstLine, message });
  }
  return found;
}

function checkEssay({ path, hasEssay }: Source): Found[] {
  if (hasEssay || path.endsWith('/index.ts') || path.endsWith('.test.ts')) return [];
  return [{ rule: 'essay', line: 1, message: 'the file does not begin with what it is for' }];
}

/**
 * Folders whose code must not touch a clock, a timer, a random source or IO: `core/` of any room, and these.
 */
const pureRooms = ['packages/contracts/src/', 'packages/anti-entropy/src/'];
/** The periodic job beside the pure tree is a process like others. */
const impureInPureRooms = ['packages/anti-entropy/src/main.ts', 'packages/anti-entropy/src/job/'];

export function isPure(path: string): boolean {
  if (path.endsWith('.test.ts') || impureInPureRooms.some((prefix) => path.startsWith(prefix))) return false;
  return (
    /^packages\/[^/]+\/src\/(.+\/)?core\//.test(path) || pureRooms.some((prefix) => path.startsWith(prefix))
  );
}

/** Modules that only compute. Of node:crypto only hashing: the rest of it draws random numbers. */
const pureModules: Record<string, readonly string[] | undefined> = {
  '@driftless/contracts': undefined,
  '@driftless/anti-entropy': undefined,
  zod: undefined,
  'node:assert': undefined,
  'node:assert/strict': undefined,
  'node:buffer': undefined,
  'node:crypto': ['hash', 'createHash', 'createHmac', 'timingSafeEqual'],
  'node:path': undefined,
  'node:path/posix': undefined,
};

const impureGlobals = [
  /^Date(\.now)?$/,
  /^new Date\(\)$/,
  /^Math\.random$/,
  /^(performance|process|console|crypto|globalThis|global|fetch|WebSocket|EventSource|require)(\.|$)/,
  /^(set|clear)(Timeout|Interval|Immediate)$/,
  /^queueMicrotask$/,
  /^new (WebSocket|EventSource|Worker|MessageChannel|BroadcastChannel|XMLHttpRequest)\(/,
];

function checkPurity(source: Source): Found[] {
  if (!isPure(source.path)) return [];
  const uses = source.globals
    .filter(({ text }) => impureGlobals.some((pattern) => pattern.test(text)))
    .map(({ text, line }): Found => ({ rule: 'purity', line, message: `pure code uses ${text}` }));
  const imports = source.imports.flatMap((fact): Found[] => {
    const problem = impureImport(source.path, fact);
    return problem ? [{ rule: 'purity', line: fact.line, message: problem }] : [];
  });
  return [...uses, ...imports];
}

function impureImport(path: string, { specifier, names, typeOnly }: ImportFact): string | undefined {
  if (typeOnly) return undefined;
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(path), specifier);
    return isPure(target) ? undefined : `pure code imports ${specifier}, which is not`;
  }
  if (!Object.hasOwn(pureModules, specifier)) return `pure code imports ${specifier}`;
  const allowed = pureModules[specifier];
  const bad = allowed && names.find((name) => !allowed.includes(name));
  return bad === undefined ? undefined : `pure code imports ${bad} of ${specifier}`;
}

/** An entry point names its exports and does nothing else. */
function checkIndex({ path, ownStatements }: Source): Found[] {
  if (!/^packages\/[^/]+\/src\/index\.ts$/.test(path)) return [];
  return ownStatements.map(({ line }) => {
    return {
      rule: 'index-exports-only',
      line,
      message: 'index.ts holds something else than `export … from`',
    };
  });
}

/** Further entry points of rooms, and who may use them: they are no business of other rooms. */
const sideDoors: Record<string, readonly string[]> = {
  /** What a simulation drives. */
  simulation: ['test/simulation/', 'scripts/scale/'],
  /** The process beside the pure room. */
  job: ['test/simulation/', 'scripts/'],
};

function checkImports({ path, imports }: Source): Found[] {
  const room = roomOf(path);
  return imports.flatMap(({ specifier, line }): Found[] => {
    const found: Found[] = [];
    const add = (rule: RuleName, message: string): void => void found.push({ rule, line, message });
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
    if (target !== undefined && /(^|\/)main\.ts$/.test(target)) {
      add('composition-root', `${specifier} is a composition root: it is run, not imported`);
    }
    if (target !== undefined && roomOf(target) !== room) {
      add('deep-import', `${specifier} reaches into another room; import its package`);
    }
    const [scope, name, ...rest] = specifier.split('/');
    if (scope !== '@driftless' || name === undefined) return found;
    const sees = sideDoors[rest.join('/')]?.some((prefix) => path.startsWith(prefix));
    if (rest.length > 0 && !sees)
      add('deep-import', `${specifier} reaches past the entry point of @driftless/${name}`);
    const allowed = room === undefined ? undefined : allowedRooms[room];
    if (name !== room && allowed !== undefined && !allowed.includes(name)) {
      add('import-direction', `${room} may import ${allowed.join(', ') || 'no other room'}, but not ${name}`);
    }
    return found;
  });
}

/** The room of a path: a package's name; for all else its top folder. */
export function roomOf(path: string): string | undefined {
  const [top, name] = path.split('/');
  return top === 'packages' ? name : top;
}
