const DEPTH_MAX = 5;
const KEYS_MAX = 20;
/** Words that are JSON (`true`, `null`) are their own route. */
const MAY_BE_JSON = /^[\s{["\d-]/;

/**
 * Returns the one text under which a NestJS server files a pattern, so that `{ cmd: 'x' }` and
 * `'{"cmd":"x"}'` meet.
 *
 * Strings and numbers are themselves; objects become `{"key":value,...}` with their keys sorted, at
 * every depth. A string that is JSON is read first. Pure: reads no clock, performs no I/O.
 */
export function routeOf(pattern: unknown): string {
  return typeof pattern === 'string' ? routeOfText(pattern) : routeOfValue(pattern, 0);
}

function routeOfText(pattern: string): string {
  if (!MAY_BE_JSON.test(pattern)) return pattern;
  try {
    return routeOfValue(JSON.parse(pattern), 0);
  } catch {
    return pattern;
  }
}

function routeOfValue(value: unknown, depth: number): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth > DEPTH_MAX) return '[MAX_DEPTH_REACHED]';
  const entries = Object.entries(value);
  if (entries.length > KEYS_MAX) return '[TOO_MANY_KEYS]';
  entries.sort(([a], [b]) => a.localeCompare(b));
  const parts = entries.map(([key, part]) => {
    const text = typeof part === 'string' ? quoted(part) : routeOfValue(part, depth + 1);
    return `${quoted(key)}:${text}`;
  });
  return `{${parts.join()}}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
