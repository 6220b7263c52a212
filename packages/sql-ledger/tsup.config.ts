import { defineConfig } from 'tsup';

export default defineConfig({
  entry: [
    'src/sqlite/index.ts',
    'src/sqlite/worker.ts',
    'src/postgres/index.ts',
    'src/postgres/worker.ts',
    'src/tool/main.ts',
  ],
  format: ['esm', 'cjs'],
  target: 'node20',
  sourcemap: true,
  clean: true,
  treeshake: true,
  // import.meta.url, by which a door finds its worker, is made to work in CommonJS too.
  shims: true,
  // tsup sets `baseUrl`, which TypeScript 6 calls deprecated (TS5101).
  dts: {
    entry: ['src/sqlite/index.ts', 'src/postgres/index.ts'],
    compilerOptions: { ignoreDeprecations: '6.0' },
  },
});
