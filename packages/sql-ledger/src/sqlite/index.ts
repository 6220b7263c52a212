export { LedgerError } from '../ledger-error.js';
export type { LedgerErrorCode } from '../ledger-error.js';
export { SqliteLockLedger } from './sqlite-lock-ledger.js';
export type { SqliteLockLedgerOptions } from './sqlite-lock-ledger.js';
