import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

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

test('what a page needs is compressed where that makes it smaller', () => {
  writeFileSync(join(folder, 'long.js'), 'x'.repeat(5000));
  writeFileSync(join(folder, 'short.js'), 'x');
  writeFileSync(join(folder, 'long.png'), 'x'.repeat(5000));
  const files = readStaticFiles(folder);
  const long = files.get('/long.js');
  expect(gunzipSync(long!.gzipped!)).toEqual(long?.content);
  expect(files.get('/short.js')?.gzipped).toBeUndefined();
  expect(files.get('/long.png')?.gzipped).toBeUndefined();
});

test('a folder that is not there is empty', () => {
  expect(readStaticFiles(join(folder, 'none')).size).toBe(0);
});
