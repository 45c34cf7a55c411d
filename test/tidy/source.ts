/**
 * A source file as the tidy rules see it: its lines, and what a parser finds in it. The rules are about facts
 * (this function has 80 lines, this file reads the clock), so text is parsed and never searched: a word in a
 * comment or a string is no import and no call.
 *
 * TypeScript 7 offers no parser to JavaScript; Babel's reads TypeScript without knowing its types, which is
 * enough.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from '@babel/parser';

export interface ImportFact {
  specifier: string;
  /** Only types are imported: nothing of it exists when the program runs. */
  typeOnly: boolean;
  /** Names as the other module calls them; `*` for all of it. */
  names: string[];
  line: number;
}

export interface FunctionFact {
  name: string;
  firstLine: number;
  lines: number;
  /** Handed to `describe`: a table of contents of a test, not a unit of work. */
  isSuite: boolean;
}

/** A use of something that no declaration of the file introduces: `setTimeout`, `Date.now`, `new Date()`. */
export interface GlobalUse {
  text: string;
  line: number;
}

export interface Source {
  /** From the root of the repository, with `/`. */
  path: string;
  lines: string[];
  imports: ImportFact[];
  functions: FunctionFact[];
  globals: GlobalUse[];
  /** Kinds of the top-level statements that are something else than `export … from`. */
  ownStatements: { line: number }[];
  /** The first thing in the file is a block comment. */
  hasEssay: boolean;
}

interface Node {
  type: string;
  loc: { start: { line: number }; end: { line: number } };
  [key: string]: unknown;
}

export function parseSource(path: string, text: string): Source {
  const file = parse(text, { sourceType: 'module', plugins: ['typescript'], errorRecovery: false });
  const program = file.program as unknown as Node;
  const source: Source = {
    path,
    lines: text.replace(/\n$/, '').split('\n'),
    imports: [],
    functions: [],
    globals: [],
    ownStatements: statementsOf(program),
    hasEssay: text.replace(/^#!.*\n/, '').startsWith('/**'),
  };
  const declared = new Set<string>();
  visit(program, undefined, (node) => collectDeclared(node, declared));
  visit(program, undefined, (node, parent) => {
    collectImport(node, source.imports);
    collectFunction(node, parent, source.functions);
    collectGlobal(node, parent, declared, source.globals);
  });
  return source;
}

const sourceRoots = ['packages', 'test', 'bench', 'scripts', 'dashboards', 'helm'];
const skippedFolders = new Set(['node_modules', '.driftless', '.turbo', 'coverage', 'dist']);

/** Every source of the repository, parsed; a file that can't be parsed throws with its name. */
export function readSources(root: string): Source[] {
  const files = sourceRoots.flatMap((folder) => filesBelow(join(root, folder)));
  return files.sort().map((file) => {
    const path = relative(root, file).split('\\').join('/');
    try {
      return parseSource(path, readFileSync(file, 'utf8'));
    } catch (cause) {
      throw new Error(`${path} cannot be parsed`, { cause });
    }
  });
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : filesBelow(path);
    return /\.(ts|mts|mjs|js)$/.test(entry.name) ? [path] : [];
  });
}

type Visitor = (node: Node, parent: Node | undefined) => void;

function visit(node: Node, parent: Node | undefined, visitor: Visitor): void {
  visitor(node, parent);
  for (const [key, value] of Object.entries(node)) {
    if (key === 'loc' || key.endsWith('Comments')) continue;
    for (const child of Array.isArray(value) ? value : [value])
      if (isNode(child)) visit(child, node, visitor);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'loc' in value;
}

function statementsOf(program: Node): { line: number }[] {
  return (program.body as Node[])
    .filter(
      ({ type, source }) =>
        !(type === 'ExportAllDeclaration' || (type === 'ExportNamedDeclaration' && source)),
    )
    .map(({ loc }) => ({ line: loc.start.line }));
}

function collectImport(node: Node, imports: ImportFact[]): void {
  const line = node.loc.start.line;
  const add = (source: unknown, typeOnly: boolean, names: string[]): void => {
    const { type, value } = (source ?? {}) as { type?: string; value?: string };
    if (type === 'StringLiteral') imports.push({ specifier: value as string, typeOnly, names, line });
  };
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration': {
      const specifiers = (node.specifiers ?? []) as Node[];
      const kinds = [node.importKind, node.exportKind, ...specifiers.map(({ importKind }) => importKind)];
      const [own, ofNames] = [kinds.slice(0, 2), kinds.slice(2)];
      const typeOnly =
        own.includes('type') || (ofNames.length > 0 && ofNames.every((kind) => kind === 'type'));
      add(node.source, typeOnly, specifiers.map(importedName));
      break;
    }
    case 'ImportExpression':
      add(node.source, false, ['*']);
      break;
    case 'TSImportType':
      add((node.source ?? node.argument) as Node, true, ['*']);
      break;
  }
}

function importedName(specifier: Node): string {
  if (specifier.type === 'ImportDefaultSpecifier') return 'default';
  const { name, value } = (specifier.imported ?? specifier.local ?? {}) as { name?: string; value?: string };
  return specifier.type === 'ImportNamespaceSpecifier' ? '*' : (name ?? value ?? '*');
}

const functionTypes = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'ClassPrivateMethod',
  'ObjectMethod',
]);

function collectFunction(node: Node, parent: Node | undefined, functions: FunctionFact[]): void {
  if (!functionTypes.has(node.type)) return;
  const { start, end } = node.loc;
  const isSuite = parent?.type === 'CallExpression' && /^describe\b/.test(nameOf(calleeOf(parent.callee)));
  const name =
    nameOf(node.id) || nameOf(node.key) || nameOf(parent?.id) || nameOf(parent?.key) || '(anonymous)';
  functions.push({ name, firstLine: start.line, lines: end.line - start.line + 1, isSuite });
}

/** What is called in the end: `describe.skipIf(…)(…)` is a suite as `describe(…)` is. */
function calleeOf(value: unknown): unknown {
  return isNode(value) && value.type === 'CallExpression' ? value.callee : value;
}

/** `a`, `a.b`, `#c`, or nothing. */
function nameOf(value: unknown): string {
  if (!isNode(value)) return '';
  if (value.type === 'Identifier') return value.name as string;
  if (value.type === 'PrivateName') return `#${nameOf(value.id)}`;
  if (value.type !== 'MemberExpression') return '';
  const [object, property] = [nameOf(value.object), value.computed ? '' : nameOf(value.property)];
  return object && property ? `${object}.${property}` : object;
}

/** Names that any declaration in the file introduces: a parameter called `process` is not Node's. */
function collectDeclared(node: Node, declared: Set<string>): void {
  const addPattern = (pattern: unknown): void => {
    if (!isNode(pattern)) return;
    if (pattern.type === 'Identifier') declared.add(pattern.name as string);
    for (const part of [pattern.left, pattern.argument, pattern.value, pattern.parameter]) addPattern(part);
    for (const part of [pattern.elements, pattern.properties].flat()) addPattern(part);
  };
  if (functionTypes.has(node.type)) for (const parameter of node.params as unknown[]) addPattern(parameter);
  if (node.type === 'VariableDeclarator' || /^(Function|Class)Declaration$/.test(node.type))
    addPattern(node.id);
  if (/^Import\w*Specifier$/.test(node.type)) addPattern(node.local);
  if (node.type === 'CatchClause') addPattern(node.param);
}

function collectGlobal(
  node: Node,
  parent: Node | undefined,
  declared: Set<string>,
  globals: GlobalUse[],
): void {
  const line = node.loc.start.line;
  if (node.type !== 'Identifier' || declared.has(node.name as string) || !isReference(node, parent)) return;
  const name = node.name as string;
  if (parent?.type === 'NewExpression' && parent.callee === node) {
    globals.push({ text: `new ${name}(${(parent.arguments as unknown[]).length > 0 ? '…' : ''})`, line });
  } else if (parent?.type === 'MemberExpression') {
    globals.push({ text: nameOf(parent), line });
  } else {
    globals.push({ text: name, line });
  }
}

/** An identifier that stands for a value, and is no name of a property, a label or a type. */
function isReference(node: Node, parent: Node | undefined): boolean {
  if (parent === undefined || parent.type.startsWith('TS')) {
    return ['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression'].includes(parent?.type ?? '');
  }
  if (parent.type === 'MemberExpression' || parent.type === 'OptionalMemberExpression') {
    return parent.object === node || parent.computed === true;
  }
  const named = /^(Object|Class)(Private)?(Property|Method)$/.test(parent.type);
  return !(named && parent.key === node && parent.computed !== true && parent.value !== node);
}
