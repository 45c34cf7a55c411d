/** Helm, as a program. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { KubeObject } from './api.ts';

export const chart = join(import.meta.dirname, '../../driftless');

export interface HelmResult {
  readonly status: number | null;
  readonly stdout: string;
  /** Without what helm says of links, which are meant. */
  readonly stderr: string;
}

/** Helm and Kubernetes read YAML 1.1, in which `yes` is true. */
const likeGo = { version: '1.1' } as const;
const outputBytesMax = 64 * 1024 * 1024;

/** `values` are handed over as a file would be. */
export function runHelm(
  binary: string,
  args: readonly string[],
  { values, env = {} }: { values?: object | undefined; env?: Record<string, string> } = {},
): HelmResult {
  const more = values === undefined ? [] : ['--values', '-'];
  const { status, stdout, stderr } = spawnSync(binary, [...args, ...more], {
    encoding: 'utf8',
    input: values === undefined ? '' : stringify(values, likeGo),
    maxBuffer: outputBytesMax,
    env: { ...process.env, ...env },
  });
  const told = stderr.split('\n').filter((line) => line !== '' && !line.includes('found symbolic link'));
  return { status, stdout, stderr: told.join('\n') };
}

export function objectsOf(text: string): KubeObject[] {
  const documents = parseAllDocuments(text, likeGo);
  if (!Array.isArray(documents)) return [];
  for (const { errors } of documents) if (errors[0]) throw errors[0];
  return documents.map((document) => document.toJS() as KubeObject).filter((object) => object !== null);
}
