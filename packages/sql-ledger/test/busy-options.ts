import type { LocalTicketLocksOptions } from '@ticket-locks/lock-engine';

const LONG_MS = 2 ** 31 - 1;

/** What a busy buyer asks for. */
export type BusyCommand =
  | {
      readonly verb: 'lock';
      readonly userId: number;
      readonly sessionId: string;
      readonly eventId: number;
      readonly categoryId: number;
      readonly quantity: number;
      readonly requestId: string;
    }
  | { readonly verb: 'unlock'; readonly lockId: string; readonly quantity?: number }
  | { readonly verb: 'extend'; readonly lockId: string }
  | { readonly verb: 'release'; readonly lockId: string }
  | { readonly verb: 'confirm'; readonly lockId: string; readonly orderId: string };

/**
 * The service of the busy child, and of whoever looks at its ledger afterwards: nothing in it ends
 * by itself.
 */
export function busyOptions(): Omit<LocalTicketLocksOptions, 'ledger'> {
  const categories = Array.from({ length: 8 }, (_, index) => ({
    categoryId: index + 1,
    capacity: 1e9,
  }));
  return {
    source: { load: () => Promise.resolve({ categories }) },
    disconnectGraceMs: LONG_MS,
    cleanupIntervalMs: LONG_MS,
    policy: { ttlMs: 86_400_000, lockAgeMsMax: 864_000_000, expiringNoticeMs: 0 },
  };
}
