export type RedisErrorCode =
  /** Nothing was carried out. */
  | 'REDIS_UNAVAILABLE'
  /** It may have been carried out. */
  | 'REDIS_UNKNOWN'
  /** Redis is set up so that locks could be lost: it says what to change. */
  | 'REDIS_UNFIT'
  /** A function broke off: a bug, or a state that is not ours. */
  | 'REDIS_BROKEN';

/** A failure of Redis, or on the way to it. */
export class RedisError extends Error {
  override readonly name = 'RedisError';

  constructor(
    readonly code: RedisErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
