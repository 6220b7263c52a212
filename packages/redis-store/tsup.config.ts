import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node20',
  sourcemap: true,
  clean: true,
  treeshake: true,
  // import.meta.url, by which the functions are found, is made to work in CommonJS too.
  shims: true,
  // tsup sets `baseUrl`, which TypeScript 6 calls deprecated (TS5101).
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
});
