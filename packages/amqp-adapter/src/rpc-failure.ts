export type RpcFailureCode =
  /** There is no connection, or it ended before the answer came. */
  | 'DISCONNECTED'
  /** Too many requests wait for an answer already. */
  | 'BUSY'
  /** Nobody has made the queue yet. */
  | 'NO_ROUTE'
  | 'TIMEOUT'
  /** Not asked: it did not answer lately. */
  | 'BREAKER_OPEN'
  /** The peer does not know the pattern. */
  | 'NO_HANDLER'
  /** The peer answered with an error, which is the `cause`. */
  | 'REFUSED'
  /** The peer answered with something that cannot be true. */
  | 'NONSENSE';

/** A request to a peer that brought nothing. */
export class RpcFailure extends Error {
  override readonly name = 'RpcFailure';

  constructor(
    readonly code: RpcFailureCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether the peer was reached and is alive. */
  get isAnswered(): boolean {
    return this.code === 'NO_HANDLER' || this.code === 'REFUSED' || this.code === 'NONSENSE';
  }
}
