import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { readStaticFiles } from '../src/static-files.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ticket-locks-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('the files of a folder are served by their paths, with their types', () => {
  mkdirSync(join(folder, 'site', 'assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.txt'), 'outside');
  writeFileSync(join(folder, 'site', 'index.html'), '<title>');
  writeFileSync(join(folder, 'site', 'assets', 'app.js'), 'app');
  const files = readStaticFiles(join(folder, 'site'));
  expect([...files.keys()].sort()).toEqual(['/', '/assets/app.js', '/index.html']);
  expect(files.get('/')).toEqual(files.get('/index.html'));
  expect(files.get('/')?.type).toBe('text/html; charset=utf-8');
  expect(files.get('/assets/app.js')?.content.toString()).toBe('app');
  expect(files.get('/../secret.txt')).toBeUndefined();
});

test('a folder that is not there is empty', () => {
  expect(readStaticFiles(join(folder, 'none')).size).toBe(0);
});
