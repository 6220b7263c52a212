export type LedgerErrorCode =
  /** Another process has the ledger open. */
  | 'LEDGER_IN_USE'
  /** A record is missing or was altered; the message names it. Nothing was changed. */
  | 'LEDGER_DAMAGED'
  /** Written by a newer version of this package, or by something else. */
  | 'LEDGER_FORMAT'
  /** A write failed: whether it is kept is not known before the next start. */
  | 'LEDGER_FAILED'
  /** Not opened yet, or closed. */
  | 'LEDGER_CLOSED';

/** What a ledger rejects with. `cause` is the driver's error where there is one. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';

  constructor(
    readonly code: LedgerErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Throws `LEDGER_DAMAGED` unless `condition` holds. */
export function undamaged(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new LedgerError('LEDGER_DAMAGED', `the ledger is damaged: ${what()}`);
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
