import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The parts of the library in the order in which they build on each other. */
const PARTS = [
  'clock',
  'server',
  'record',
  'step',
  'ending',
  'requests',
  'locking',
  'unlocking',
  'deciding',
  'stocking',
  'announcing',
  'sweeping',
  'queries',
  'pinning',
  'restoring',
  'publishing',
  'batching',
  'sessions',
  'meta',
  'library',
] as const;

export type LibraryPart = (typeof PARTS)[number];

/** The functions of one version, as Redis takes them. */
export interface FunctionLibrary {
  /** `ticketlocks_` and the version, which is a hash of the source. */
  readonly name: string;
  readonly source: string;
  /** How the state is kept; another format is another state. */
  readonly format: number;
}

/**
 * Puts the library together. `replaced` is for tests, which bring a clock of their own.
 *
 * Performs I/O: reads the parts, which lie beside the code.
 */
export function functionLibrary(
  replaced: Partial<Readonly<Record<LibraryPart, string>>> = {},
): FunctionLibrary {
  const body = PARTS.map((part) => replaced[part] ?? readPart(part)).join('\n');
  const version = createHash('sha256').update(body).digest('hex').slice(0, 12);
  const name = `ticketlocks_${version}`;
  const source = `#!lua name=${name}\n${body.replaceAll('LIBRARY_', `${name}_`)}`;
  return { name, source, format: Number(/^local FORMAT = (\d+)$/m.exec(body)?.[1]) };
}

function readPart(part: LibraryPart): string {
  // The same folder from `src` and from `dist`.
  return readFileSync(new URL(`../lua/${part}.lua`, import.meta.url), 'utf8');
}
