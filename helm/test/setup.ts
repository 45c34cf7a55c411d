/**
 * Helm for the tests of the chart: built once by the Go toolchain, which takes two minutes, and kept in the
 * cache. Where there is neither, these tests are skipped, and say so.
 */
import { hasGo, provisionGoTool } from '@driftless/cli';
import type { TestProject } from 'vitest/node';
import { helmTool } from '../src/tools.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the binary; empty where there is none. */
    helm: string;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const { env } = process;
  const path = hasGo(env) ? await provisionGoTool(helmTool, { env, say }) : '';
  if (path === '') say('helm: there is no Go toolchain to build it with; the chart is not tested');
  project.provide('helm', path);
}
