/**
 * The rings of tests. `unit` needs nothing; `tidy` reads the sources; the others start real processes, one
 * file at a time, because they measure time and share two cores.
 */
import { configDefaults, defineConfig } from 'vitest/config';

/** Tests beside the code that start processes: too slow for the unit ring. */
const PROCESS_TESTS = 'packages/**/src/**/*.process.test.ts';

/** The quick rings first, side by side; then those with real parts, a ring and a file at a time. */
const quick = (name: string) => ({
  name,
  sequence: { groupOrder: 0 },
  testTimeout: 60_000,
  setupFiles: ['test/setup/seed.ts'],
});
const real = (name: string, groupOrder: number) => {
  const limits = { testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false };
  return { name, sequence: { groupOrder }, ...limits };
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...quick('unit'),
          include: [
            'packages/**/src/**/*.test.ts',
            'test/checkers/**/*.test.ts',
            'test/harness/**/*.test.ts',
            'bench/**/*.test.ts',
            'scripts/**/*.test.ts',
          ],
          exclude: [...configDefaults.exclude, PROCESS_TESTS],
        },
      },
      { test: { ...quick('tidy'), include: ['test/tidy/**/*.test.ts'] } },
      { test: { ...quick('simulation'), include: ['test/simulation/**/*.test.ts'], testTimeout: 120_000 } },
      { test: { ...real('provision', 1), include: ['test/provision/**/*.test.ts'] } },
      {
        test: {
          ...real('helm', 1),
          include: ['helm/test/**/*.test.ts'],
          globalSetup: ['helm/test/setup.ts'],
        },
      },
      { test: { ...real('integration', 2), include: ['test/integration/**/*.test.ts', PROCESS_TESTS] } },
      { test: { ...real('faults', 3), include: ['test/faults/**/*.test.ts'] } },
    ],
  },
});
