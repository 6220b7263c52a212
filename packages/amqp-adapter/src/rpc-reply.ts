import { RpcFailure } from './rpc-failure.js';

const REPLY_BYTES_MAX = 4 * 1024 * 1024;
const NO_HANDLER = /^There is no matching message handler/;

/** Reads an answer as a NestJS client does: an error when there is one, else the value. */
export function readReply(content: Buffer): { readonly value: unknown } | RpcFailure {
  if (content.length > REPLY_BYTES_MAX) {
    return new RpcFailure('NONSENSE', `the answer has ${content.length} bytes`);
  }
  let body: unknown;
  try {
    body = JSON.parse(content.toString('utf8'));
  } catch (error) {
    return new RpcFailure('NONSENSE', 'the answer is not JSON', { cause: error });
  }
  if (typeof body !== 'object' || body === null) {
    return new RpcFailure('NONSENSE', 'the answer is no object');
  }
  const { err, response } = body as { readonly err?: unknown; readonly response?: unknown };
  if (typeof err === 'string' && NO_HANDLER.test(err)) {
    return new RpcFailure('NO_HANDLER', 'the peer does not know the pattern', { cause: err });
  }
  // A falsy error is none, for NestJS.
  if (err) return new RpcFailure('REFUSED', 'the peer answered with an error', { cause: err });
  return { value: response };
}
