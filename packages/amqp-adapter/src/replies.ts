// The answers in the words of the wire: `totalTickets` for a capacity, ISO 8601 for an instant.
import type {
  CategoryAvailability,
  Confirmed,
  ConfirmedMany,
  EventAvailability,
  LockStatus,
  PaymentBegun,
  RefundRequired,
  Released,
  ReleasedMany,
  TicketLock,
} from '@ticket-locks/lock-engine';

export function confirmedReply(confirmed: Confirmed) {
  return { success: true, ...confirmed, status: statusWord(confirmed.status) };
}

export function releasedReply(released: Released) {
  return { success: true, ...released, status: statusWord(released.status) };
}

export function manyReply({ lockId, locks }: ConfirmedMany | ReleasedMany) {
  const lines = locks.map((lock) => ({ ...lock, status: statusWord(lock.status) }));
  return { success: true, lockId, locks: lines };
}

export function paymentReply({ expiresAtMs, ...payment }: PaymentBegun) {
  return { success: true, ...payment, expiresAt: isoTime(expiresAtMs) };
}

export function lockRecord(lock: TicketLock) {
  const { createdAtMs, expiresAtMs, endedAtMs, extensionsLeft, status, ...facts } = lock;
  return {
    ...facts,
    status: statusWord(status),
    createdAt: isoTime(createdAtMs),
    expiresAt: isoTime(expiresAtMs),
    ...(endedAtMs !== undefined && { endedAt: isoTime(endedAtMs) }),
    ...(Number.isFinite(extensionsLeft) && { extensionsLeft }),
  };
}

export function refundRecord({ requiredAtMs, ...refund }: RefundRequired) {
  return { ...refund, requiredAt: isoTime(requiredAtMs) };
}

export function availabilityReply({ eventId, categories, stale }: EventAvailability) {
  return { eventId, categories: categories.map(categoryRecord), ...(stale && { stale }) };
}

function categoryRecord(category: CategoryAvailability) {
  return {
    eventId: category.eventId,
    categoryId: category.categoryId,
    availableTickets: category.available,
    lockedTickets: category.locked,
    soldTickets: category.sold,
    totalTickets: category.capacity,
    deficit: category.deficit,
    version: category.version,
  };
}

function statusWord(status: LockStatus) {
  return status.toLowerCase();
}

function isoTime(instantMs: number): string {
  return new Date(instantMs).toISOString();
}
