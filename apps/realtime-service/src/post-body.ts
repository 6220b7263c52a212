import type { IncomingMessage } from 'node:http';

import { json } from './http-answer.js';
import type { HttpAnswer } from './http-answer.js';

/** What was posted, or what to answer instead. */
export type PostRead =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly answer: HttpAnswer };

const BODY_BYTES_MAX = 16 * 1024;

/**
 * Reads the JSON of a POST that a page of this very service sent, or a program.
 *
 * Refuses, in this order: another method, a page of another origin (which would act in the name of
 * whoever looks at it), another type, more than 16 KiB, what is not JSON.
 */
export async function readPost(request: IncomingMessage): Promise<PostRead> {
  if (request.method !== 'POST') {
    return refuse(405, { code: 'METHOD_NOT_ALLOWED', message: 'Only POST is answered here' });
  }
  if (!isOfSameOrigin(request)) {
    return refuse(403, { code: 'FORBIDDEN', message: 'Pages of other origins may not do this' });
  }
  if (!/^application\/json(?:\s*;|$)/i.test(request.headers['content-type'] ?? '')) {
    return refuse(415, { code: 'INVALID_REQUEST', message: 'Send application/json' });
  }
  const text = isTooLong(request) ? undefined : await readText(request);
  if (text === undefined) {
    const message = `At most ${BODY_BYTES_MAX} bytes are read`;
    return refuse(413, { code: 'INVALID_REQUEST', message });
  }
  try {
    return { ok: true, body: JSON.parse(text) as unknown };
  } catch {
    return refuse(400, { code: 'INVALID_REQUEST', message: 'The body is not JSON' });
  }
}

/** What is not read to its end must not be taken for the next request. */
function refuse(status: number, body: object): PostRead {
  return { ok: false, answer: { ...json(status, body), headers: { connection: 'close' } } };
}

/**
 * Browsers say of every request to a trustworthy address whose page it is of, also through a proxy;
 * else they name the page's origin. Programs name none.
 */
function isOfSameOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
}

function isTooLong({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? 0) > BODY_BYTES_MAX;
}

/** Who sends more than he said is cut off. */
async function readText(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    byteCount += chunk.length;
    if (byteCount > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
