export { LedgerError } from '../ledger-error.js';
export type { LedgerErrorCode } from '../ledger-error.js';
export { PostgresDecisionLedger } from './postgres-decision-ledger.js';
export type { PostgresDecisionLedgerOptions } from './postgres-decision-ledger.js';
export { PostgresLockLedger } from './postgres-lock-ledger.js';
export type { PostgresLockLedgerOptions } from './postgres-lock-ledger.js';
export type { PostgresOptions } from './session-settings.js';
