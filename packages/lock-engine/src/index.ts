export type * from './engine/command.js';
export { canonicalId } from './engine/id.js';
export type { Id } from './engine/id.js';
export { InvariantError } from './engine/invariant.js';
export type * from './engine/lock-change.js';
export { LockEngine } from './engine/lock-engine.js';
export type { LockEngineOptions } from './engine/lock-engine-options.js';
export { LOCK_ERROR_CODES } from './engine/lock-error.js';
export type { LimitName, LockError, LockErrorCode, ShortLine } from './engine/lock-error.js';
export { DEFAULT_LOCK_POLICY } from './engine/lock-policy.js';
export type { LockPolicy } from './engine/lock-policy.js';
export type { LockSnapshot } from './engine/lock-snapshot.js';
export type {
  CategoryAvailability,
  LockStats,
  LockStatus,
  ReleaseReason,
  TicketLock,
} from './engine/ticket-lock.js';
export { LocalTicketLocks } from './local/local-ticket-locks.js';
export type { LocalTicketLocksOptions } from './local/local-ticket-locks-options.js';
export type { Recovery } from './local/recovery.js';
export { ResumeTokens } from './local/resume-token.js';
export { StoreNews } from './local/store-news.js';
export type {
  ChangeOutbox,
  OutboxEntry,
  OutboxReader,
  OutboxStats,
} from './ports/change-outbox.js';
export type { Clock, IdSource, Mac, Timers } from './ports/clock.js';
export type * from './ports/decision-ledger.js';
export type { EventInventory, InventorySource } from './ports/inventory-source.js';
export type { LedgerContents, LockLedger } from './ports/lock-ledger.js';
export type { RefundLedger } from './ports/refund-ledger.js';
export { hmacSha256, randomIds, randomKey, systemClock, systemTimers } from './ports/system.js';
export type * from './ports/ticket-locks.js';
