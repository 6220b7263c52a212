import { readFile } from 'node:fs/promises';
import { runInNewContext } from 'node:vm';

import ts from 'typescript';
import { expect, it } from 'vitest';

import * as lockEngine from '../src/index.js';

const README = new URL('../../../README.md', import.meta.url);

it('the example of the README does what its comments say', async () => {
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(await readFile(README, 'utf8')) ?? [];
  const promised = [...example.matchAll(/console\.log\(.*\/\/ ([^:\n]+)/g)].map(([, text]) => text);
  expect(promised).toHaveLength(3);

  const { outputText } = ts.transpileModule(example, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const printed: string[] = [];
  const log = (value: unknown) => printed.push(String(value));
  runInNewContext(outputText, { require: () => lockEngine, exports: {}, console: { log } });
  expect(printed).toEqual(promised);
});
