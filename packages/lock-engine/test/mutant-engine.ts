import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import ts from 'typescript';

import type { LockEngine } from '../src/engine/lock-engine.js';

/**
 * One fault planted into one file of the engine: the text that stands there exactly once, and what
 * stands there instead.
 */
export interface Mutation {
  readonly title: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const ENGINE = new URL('../src/engine/', import.meta.url);

/** The engine's files as JavaScript, by name. */
export async function compiledEngine(): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(ENGINE)).filter((name) => name.endsWith('.ts'));
  const sources = names.map(async (name) => [name, await source(name)] as const);
  return new Map((await Promise.all(sources)).map(([name, text]) => [name, compile(text)]));
}

/**
 * Calls `use` with an engine that has the fault, then removes it. Throws when the text to replace
 * is not there once.
 */
export async function withMutant(
  compiled: ReadonlyMap<string, string>,
  mutation: Mutation,
  use: (Mutant: typeof LockEngine) => void,
): Promise<void> {
  const { file, find, replace } = mutation;
  const original = await source(file);
  const places = original.split(find).length - 1;
  if (places !== 1) throw new Error(`"${find}" stands ${places} times in ${file}, not once`);
  const folder = await mkdtemp(join(tmpdir(), 'mutant-'));
  try {
    const mutated = new Map(compiled).set(file, compile(original.replace(find, () => replace)));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    for (const [name, text] of mutated)
      await writeFile(join(folder, name.replace(/ts$/, 'js')), text);
    const url = pathToFileURL(join(folder, 'lock-engine.js')).href;
    const module = (await import(/* @vite-ignore */ url)) as { LockEngine: typeof LockEngine };
    use(module.LockEngine);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function source(name: string): Promise<string> {
  return readFile(new URL(name, ENGINE), 'utf8');
}

function compile(text: string): string {
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  return outputText;
}
