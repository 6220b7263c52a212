import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { json } from './http-answer.js';
import type { HttpAnswer } from './http-answer.js';
import { readPost } from './post-body.js';
import type { ServiceLog } from './service-log.js';

/** Answers a GET of one path. */
export type Route = (query: URLSearchParams) => Promise<HttpAnswer>;

/** Answers a POST of one path with what its JSON says: not checked yet. */
export type PostRoute = (body: unknown) => Promise<HttpAnswer>;

export interface HttpServerOptions {
  readonly routes: ReadonlyMap<string, Route>;
  /** Default none. */
  readonly postRoutes?: ReadonlyMap<string, PostRoute>;
  /** Web pages of these origins may read the answers. */
  readonly origins: readonly string[];
  /** Most TCP connections; 0 is no limit. */
  readonly connectionsMax: number;
  readonly log: ServiceLog;
}

/** A small HTTP server for GET, and for a few POSTs. Who sends slowly, or much, is cut off. */
export function createHttpServer(options: HttpServerOptions): Server {
  const { origins, connectionsMax, log } = options;
  const limits = {
    headersTimeout: 10_000,
    requestTimeout: 15_000,
    keepAliveTimeout: 5000,
    connectionsCheckingInterval: 5000,
    maxHeaderSize: 16 * 1024,
  };
  const server = createServer(limits, (request, response) => {
    answerTo(request, options)
      .catch((error: unknown): HttpAnswer => {
        log.error({ err: error, path: pathOf(request) }, 'a request failed');
        return json(500, { code: 'UNAVAILABLE', message: 'The service cannot do this now' });
      })
      .then((answer) => send(request, response, { answer, origins }))
      .catch((error: unknown) => log.debug({ err: error }, 'an answer could not be sent'));
  });
  if (connectionsMax > 0) server.maxConnections = connectionsMax;
  server.on('clientError', (error, socket) => {
    log.debug({ err: error }, 'a client does not speak HTTP');
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });
  return server;
}

async function answerTo(
  request: IncomingMessage,
  { routes, postRoutes }: HttpServerOptions,
): Promise<HttpAnswer> {
  const postRoute = postRoutes?.get(pathOf(request));
  if (postRoute !== undefined) {
    const read = await readPost(request);
    return read.ok ? postRoute(read.body) : read.answer;
  }
  const route = routes.get(pathOf(request));
  if (route === undefined)
    return json(404, { code: 'NOT_FOUND', message: 'There is nothing here' });
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return json(405, { code: 'METHOD_NOT_ALLOWED', message: 'Only GET is answered here' });
  }
  return route(new URL(request.url ?? '/', 'http://localhost').searchParams);
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { answer, origins }: { readonly answer: HttpAnswer; readonly origins: readonly string[] },
): void {
  const { origin } = request.headers;
  const allowed = origins.includes('*') ? '*' : origins.find((one) => one === origin);
  const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding']));
  const gzipped = takesGzip ? answer.gzipped : undefined;
  const body = gzipped ?? answer.body;
  const vary = [
    ...(allowed === undefined ? [] : ['origin']),
    ...(answer.gzipped === undefined ? [] : ['accept-encoding']),
  ];
  response.writeHead(answer.status, {
    'content-type': answer.type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(gzipped !== undefined && { 'content-encoding': 'gzip' }),
    ...(allowed !== undefined && { 'access-control-allow-origin': allowed }),
    ...(vary.length > 0 && { vary: vary.join(', ') }),
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Without the query, which may hold what should not be logged. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/';
}
