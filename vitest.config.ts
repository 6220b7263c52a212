import { availableParallelism } from 'node:os';

import { configDefaults, defineConfig } from 'vitest/config';

// The suffix of a file names its kind, and each kind is a project: `npm test -- --project unit`.
const kinds = ['property', 'contract', 'int', 'e2e'];
const roots = '{packages,apps,benchmarks,scripts}/**';

export default defineConfig({
  test: {
    // Two at least, however small the machine: most of the time they wait for servers and browsers.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: 'unit',
          include: [`${roots}/*.test.{ts,tsx}`],
          exclude: [...configDefaults.exclude, '**/dist/**', `${roots}/*.{${kinds.join()}}.test.*`],
        },
      },
      ...kinds.map((kind) => ({
        test: {
          name: kind,
          include: [`${roots}/*.${kind}.test.{ts,tsx}`],
          exclude: [...configDefaults.exclude, '**/dist/**'],
          // Unit tests keep the default of 5 s. These run thousands of commands, or real servers.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      })),
    ],
  },
});
