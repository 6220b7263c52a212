// The rules of STYLE.md that a machine can check. Every failure says what to do instead.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', 'data', '.git', '.turbo']);
const COLUMNS_MAX = 100;
const SOURCE_LINES_MAX = 400;
/** A comment or a string, whichever begins first. */
const TOKEN =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/g;

/** Every file of the repository, as a path from its root. */
const files = filesUnder('');
const code = files.filter((path) => /\.(?:ts|tsx|mts|cts|js|mjs|cjs)$/.test(path));
const source = code.filter((path) => /^(?:packages|apps)\/[^/]+\/src\//.test(path));
const librarySource = source.filter((path) => path.startsWith('packages/'));
const tests = code.filter((path) => /\.test\.tsx?$|\/test\/|\/src\/testing\//.test(path));
/** Everything of lock-engine that must be arithmetic: not its testing tools, not its shell. */
const engineSource = librarySource.filter(
  (path) =>
    path.startsWith('packages/lock-engine/src/') &&
    !/\/src\/(?:testing|local)\/|\/(?:system|local-[^/]*)\.ts$/.test(path),
);

describe('names', () => {
  test('files are kebab-case', () => {
    const isKebab = /^\.?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/;
    const isCapitalDocument = /^[A-Z]+(?:_[A-Z]+)*(?:\.md)?$/;
    const offenders = files.filter((path) => {
      const name = basename(path);
      return !isKebab.test(name) && !isCapitalDocument.test(name);
    });
    none(
      offenders,
      'Rename to kebab-case, after the main export: expiry-queue.ts for ExpiryQueue.',
    );
  });

  test('a file is named after what it is', () => {
    const isDrawer = /^(?:utils?|helpers?|common|types|interfaces|misc|shared)\.[^/]+$/;
    const offenders = code.filter((path) => isDrawer.test(basename(path)));
    none(offenders, 'Split it by noun, and name each file after its main export.');
  });
});

describe('code', () => {
  test('has nothing left to do', () => {
    const marker = /\b(?:TO[D]O|FIX[M]E)\b/;
    none(linesOf(code, marker), 'Do it now, or open an issue and remove the marker.');
  });

  test('libraries do not print', () => {
    const offenders = linesOf(librarySource, /\bconsole\s*\.\s*log\b/, withoutComments);
    none(
      offenders,
      'Return it, or take a logger as an option: a library does not own the terminal.',
    );
  });

  test(`source files have at most ${SOURCE_LINES_MAX} lines`, () => {
    const offenders = source
      .map((path) => ({ path, lineCount: read(path).trimEnd().split('\n').length }))
      .filter(({ lineCount }) => lineCount > SOURCE_LINES_MAX)
      .map(({ path, lineCount }) => `${path}: ${lineCount} lines`);
    none(offenders, 'Split it by noun.');
  });

  test(`lines have at most ${COLUMNS_MAX} columns`, () => {
    // A URL or a long string cannot be broken without making it harder to search for.
    const hasUnbreakable = /https?:\/\/|'[^']{40,}'|"[^"]{40,}"|`[^`]{40,}`|\/[^/\s]{40,}\//;
    const offenders = code.flatMap((path) =>
      read(path)
        .split('\n')
        .map((text, index) => ({ text, place: `${path}:${index + 1}` }))
        .filter(({ text }) => text.length > COLUMNS_MAX && !hasUnbreakable.test(text))
        .map(({ text, place }) => `${place}: ${text.length} columns`),
    );
    none(offenders, 'Run `npm run format`; break comments by hand.');
  });

  test('exports have names', () => {
    const offenders = linesOf(
      code.filter((path) => !isConfiguration(path)),
      /^export\s+default\b|\bas\s+default\b/,
      withoutComments,
    );
    none(offenders, 'Use a named export: it has one name everywhere. (Config files may.)');
  });
});

describe('the engine is arithmetic', () => {
  test.each([
    ['no clock', /\b(?:Date|performance)\b/, 'Take the instant as the argument nowMs.'],
    ['no randomness', /\b(?:crypto|Math\s*\.\s*random)\b/, 'Take ids from the IdSource port.'],
    [
      'no timer',
      /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
      'Compare instants when asked; the shell around the engine owns the timer.',
    ],
    [
      'no async',
      /\b(?:async|await)\b/,
      'Answer at once; waiting belongs into the shell or an adapter.',
    ],
    [
      'no platform',
      /\b(?:process|console)\b/,
      'Return what happened; the caller logs and decides.',
    ],
  ])('%s', (_rule, pattern, instead) => {
    expect(engineSource.length).toBeGreaterThan(0);
    none(linesOf(engineSource, pattern, withoutCommentsAndStrings), instead);
  });

  test('no import of Node', () => {
    const offenders = linesOf(engineSource, /(?:from|import)\s*\(?\s*['"]node:/, withoutComments);
    none(offenders, 'Put it behind a port; only system.ts touches the platform.');
  });
});

describe('tests', () => {
  test('do not sleep', () => {
    const sleep = /new Promise(?:<[^>]*>)?\(\s*\(?[^()]*\)?\s*=>\s*\{?\s*(?:void\s+)?setTimeout\(/;
    const offenders = [
      ...linesOf(tests, sleep, withoutComments),
      ...linesOf(tests, /from ['"](?:node:)?timers\/promises['"]/, withoutComments),
    ];
    none(offenders, 'Wait for a condition with a name (vi.waitFor), or move a manual clock.');
  });

  test('all run', () => {
    const partial = /\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:only|skip|todo)\b/;
    none(linesOf(tests, partial, withoutComments), 'Run it, or delete it.');
  });
});

describe('pnpm-lock.yaml', () => {
  const lock = read('pnpm-lock.yaml');
  const packages = lock.slice(lock.indexOf('\npackages:'), lock.indexOf('\nsnapshots:'));
  const snapshots = lock.slice(lock.indexOf('\nsnapshots:'));

  // Below these versions a peer can exhaust the memory of the service with one message.
  test.each([
    ['engine.io', '6.6.10'],
    ['socket.io-parser', '4.2.7'],
    ['ws', '8.21.1'],
  ])('%s is at least %s', (name, floor) => {
    const found = versionsOf(name, packages);
    expect(found.length).toBeGreaterThan(0);
    const offenders = found.filter((version) => isOlder(version, floor));
    none(offenders, `Run \`npm run pnpm -- update -r ${name}\`, and commit pnpm-lock.yaml.`);
  });

  test('has one vitest', () => {
    // Two copies (of one version, with different peers) make test files fail to find the runner.
    const copies = snapshots.match(/^ {2}vitest@/gm) ?? [];
    expect(
      copies,
      'Align the peers of vitest, see `overrides` in pnpm-workspace.yaml.',
    ).toHaveLength(1);
  });
});

// --- reading ---

function filesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesUnder(path);
    return entry.isFile() ? [path] : [];
  });
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Where the pattern begins; it may go on over several lines. */
function linesOf(paths: string[], pattern: RegExp, prepare = unchanged): string[] {
  return paths.flatMap((path) => {
    const text = prepare(read(path));
    const lines = text.split('\n');
    return [...text.matchAll(new RegExp(pattern, 'gm'))].map(({ index }) => {
      const lineNumber = text.slice(0, index).split('\n').length;
      return `${path}:${lineNumber}: ${lines[lineNumber - 1]?.trim() ?? ''}`;
    });
  });
}

function none(offenders: string[], instead: string): void {
  expect(offenders, instead).toEqual([]);
}

function unchanged(text: string): string {
  return text;
}

/** Blanks comments and keeps line numbers. Strings come first, so that `'//'` opens no comment. */
function withoutComments(text: string): string {
  return text.replace(TOKEN, (token) => (isComment(token) ? blank(token) : token));
}

/** Blanks comments and strings; what a template computes stays, since that is code. */
function withoutCommentsAndStrings(text: string): string {
  return text.replace(TOKEN, (token) => {
    if (!token.startsWith('`')) return blank(token);
    return [...token.matchAll(/\$\{([^}]*)\}|\n/g)].map(([all, part]) => part ?? all).join(' ');
  });
}

function isComment(token: string): boolean {
  return token.startsWith('//') || token.startsWith('/*');
}

function blank(token: string): string {
  return token.replaceAll(/[^\n]/g, ' ');
}

function isConfiguration(path: string): boolean {
  return /\.config\.[cm]?[jt]s$|^\.dependency-cruiser\.mjs$/.test(path);
}

function versionsOf(name: string, packages: string): string[] {
  const escaped = name.replaceAll('.', '\\.');
  const entries = packages.matchAll(new RegExp(`^ {2}'?${escaped}@([^:']+)'?:`, 'gm'));
  return [...entries].map(([, version]) => version ?? '');
}

function isOlder(version: string, floor: string): boolean {
  return version.localeCompare(floor, 'en', { numeric: true }) < 0;
}
