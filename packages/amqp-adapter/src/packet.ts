/** A message as NestJS sends it. Without `id` it is an event, which nobody answers. */
export interface Packet {
  /** `undefined` when the message names none. */
  readonly pattern: unknown;
  readonly data: unknown;
  readonly id: unknown;
}

/**
 * What goes back to the caller. NestJS 12 takes a body with any other key for the value itself,
 * errors included.
 */
export type ReplyBody =
  | { readonly response: unknown; readonly isDisposed: true }
  | { readonly err: RpcErrorBody; readonly isDisposed: true }
  | { readonly id: unknown; readonly err: string; readonly status: 'error' };

/**
 * What `await firstValueFrom(client.send(...))` rejects with, a plain object. Callers read
 * `message` and `code`.
 */
export interface RpcErrorBody {
  readonly status: 'error';
  readonly code: string;
  readonly message: string;
  readonly [fact: string]: unknown;
}

/** A thousand lock ids of the longest kind fit. */
const PACKET_BYTES_MAX = 256 * 1024;
/** Word for word what a NestJS server answers. */
const NO_HANDLER = 'There is no matching message handler defined in the remote service.';

/**
 * Reads a message, or returns `undefined` when it is too big, not JSON, or neither names a pattern
 * nor has an id.
 */
export function readPacket(content: Buffer): Packet | undefined {
  if (content.length > PACKET_BYTES_MAX) return undefined;
  let packet: unknown;
  try {
    packet = JSON.parse(content.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof packet !== 'object' || packet === null) return undefined;
  const { pattern, data, id } = packet as Partial<Packet>;
  return pattern === undefined && id === undefined ? undefined : { pattern, data, id };
}

/** A reply without `response` would make the caller fail with "no elements in sequence". */
export function valueReply(response: unknown): ReplyBody {
  return { response: response ?? null, isDisposed: true };
}

export function errorReply(err: RpcErrorBody): ReplyBody {
  return { err, isDisposed: true };
}

export function noHandlerReply(id: unknown): ReplyBody {
  return { id, err: NO_HANDLER, status: 'error' };
}
