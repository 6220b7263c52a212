import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

export interface StaticFile {
  readonly type: string;
  readonly content: Buffer;
  /** The content compressed, where that makes it smaller and somebody waits for it. */
  readonly gzipped: Buffer | undefined;
}

/** What a page needs to be shown. */
const COMPRESSED = new Set(['.css', '.html', '.js', '.svg']);

/**
 * Reads a folder into memory once, and returns its files by their paths in a URL, `/` for
 * `index.html`.
 *
 * What is not in the folder cannot be named: a request is only ever looked up. A folder that is not
 * there is empty.
 */
export function readStaticFiles(folder: string): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>();
  for (const path of filesUnder(folder)) {
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    const content = readFileSync(path);
    const file = { type, content, gzipped: compressed(path, content) };
    const name = `/${relative(folder, path).split(sep).join('/')}`;
    files.set(name, file);
    if (name === '/index.html') files.set('/', file);
  }
  return files;
}

function compressed(path: string, content: Buffer): Buffer | undefined {
  if (!COMPRESSED.has(extname(path))) return undefined;
  const gzipped = gzipSync(content);
  return gzipped.length < content.length ? gzipped : undefined;
}

function filesUnder(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}
