/**
 * The rings of tests. `unit` needs nothing; `tidy` reads the sources; the others start real processes, one
 * file at a time, because they measure time and share two cores.
 */
import { configDefaults, defineConfig } from 'vitest/config';

/** Tests beside the code that start processes: too slow for the unit ring. */
const PROCESS_TESTS = 'packages/**/src/**/*.process.test.ts';
const REAL_PARTS = { testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/**/src/**/*.test.ts'],
          exclude: [...configDefaults.exclude, PROCESS_TESTS],
        },
      },
      { test: { name: 'tidy', include: ['test/tidy/**/*.test.ts'] } },
      { test: { name: 'simulation', include: ['test/simulation/**/*.test.ts'], testTimeout: 120_000 } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts', PROCESS_TESTS],
          ...REAL_PARTS,
        },
      },
      { test: { name: 'faults', include: ['test/faults/**/*.test.ts'], ...REAL_PARTS } },
      { test: { name: 'provision', include: ['test/provision/**/*.test.ts'], ...REAL_PARTS } },
    ],
  },
});
