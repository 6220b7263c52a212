import type { HttpAnswer } from './http-answer.js';
import type { Route } from './http-server.js';
import { readStaticFiles } from './static-files.js';
import type { StaticFile } from './static-files.js';

/** Nothing but what comes from here, and no script or style that stands in the page itself. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');
const PAGE_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
};
/** Files there have a hash of their content in their name. */
const HASHED = '/assets/';
const HASHED_HEADERS = { 'cache-control': 'public, max-age=31536000, immutable' };

/** The built page by its paths; nothing when it was not built. */
export function demoPageRoutes(folder: string): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>();
  for (const [path, file] of readStaticFiles(folder)) {
    const answer = answerOf(path, file);
    routes.set(path, async () => answer);
  }
  return routes;
}

function answerOf(path: string, { type, content, gzipped }: StaticFile): HttpAnswer {
  const cache = path.startsWith(HASHED) ? HASHED_HEADERS : {};
  const policy = type.startsWith('text/html') ? PAGE_HEADERS : {};
  return { status: 200, type, body: content, gzipped, headers: { ...cache, ...policy } };
}
