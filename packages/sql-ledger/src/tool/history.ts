import type { LockChange } from '@ticket-locks/lock-engine';

import { assertBlock, changesIn } from '../record/change-block.js';
import type { LedgerReader } from '../record/ledger-store.js';
import { valueOf } from '../record/snapshot-rows.js';
import type { LockRecordSnapshot } from '../record/snapshot-rows.js';

type ReleaseReason = Extract<LockChange, { type: 'released' }>['reason'];

/**
 * Who held what when, and why it ended: a line for every change of the lock, and one for what the
 * snapshot says of it.
 */
export async function historyOf(reader: LedgerReader, lockId: string): Promise<string[]> {
  const lines: string[] = [];
  const needle = JSON.stringify(lockId);
  for await (const blocks of reader.blocksAfter(0)) {
    for (const block of blocks) {
      // Most blocks say nothing of the lock: looking for its id is cheaper than reading them.
      if (!block.body.includes(needle)) continue;
      assertBlock(block, undefined);
      for (const change of changesIn(block)) {
        const words = wordsOf(change, lockId);
        if (words !== undefined) lines.push(`${instant(change.atMs)}  #${change.seq}  ${words}`);
      }
    }
  }
  const snapshot = await snapshotOf(reader, lockId);
  if (snapshot !== undefined) lines.push(snapshotLine(snapshot));
  return lines;
}

const REASONS = {
  unlocked: 'the buyer gave it back',
  released: 'the orders service gave it back',
  disconnected: 'the buyer was gone for longer than the grace',
  'event-cancelled': 'the event was cancelled',
  'order-failed': 'its order failed after it had been confirmed',
  'confirm-aborted': 'its confirm came to nothing',
  lost: 'the store had lost it',
} satisfies Record<ReleaseReason, string>;

function wordsOf(change: LockChange, lockId: string): string | undefined {
  if (change.type === 'inventory-set') {
    const order = change.completed.find((completed) => completed.lockId === lockId);
    return order && `order ${order.orderId} was completed`;
  }
  if (!('lockId' in change) || change.lockId !== lockId) return undefined;
  const { quantity } = change;
  switch (change.type) {
    case 'locked':
      return (
        `locked by user ${change.userId} (session ${change.sessionId}): ${tickets(quantity)} of ` +
        `category ${change.categoryId}, event ${change.eventId}, until ${instant(change.expiresAtMs)}`
      );
    case 'quantity-changed':
      return `changed to ${tickets(quantity)}, before ${change.previousQuantity}`;
    case 'extended':
      return `extended until ${instant(change.expiresAtMs)}`;
    case 'payment-begun':
      return `in payment for order ${change.orderId}, until ${instant(change.expiresAtMs)}`;
    case 'confirmed': {
      const order = change.orderId === undefined ? 'no order' : `order ${change.orderId}`;
      return `sold: ${tickets(quantity)} for ${order}${change.late === true ? ', late' : ''}`;
    }
    case 'released':
      return `released: ${REASONS[change.reason]}`;
    case 'expired':
      return `expired: its time was over at ${instant(change.expiresAtMs)}`;
    case 'expiring':
      return `the buyer was told that it ends at ${instant(change.expiresAtMs)}`;
    case 'order-completed':
      return `order ${change.orderId} was completed`;
    case 'refund-required': {
      const order = change.orderId === undefined ? '' : ` for order ${change.orderId}`;
      return `money was taken${order} when it was over: it must go back`;
    }
    case 'settled':
      return change.byOperator === true
        ? 'settled by an operator'
        : 'settled: the source of truth counts it itself';
  }
}

async function snapshotOf(
  reader: LedgerReader,
  lockId: string,
): Promise<LockRecordSnapshot | undefined> {
  for await (const page of reader.locks()) {
    const row = page.find(({ key }) => key === lockId);
    if (row !== undefined) return valueOf('lock', row) as LockRecordSnapshot;
  }
  return undefined;
}

function snapshotLine(lock: LockRecordSnapshot): string {
  const end = lock.endedAtMs === undefined ? '' : `, ended ${instant(lock.endedAtMs)}`;
  const why = lock.reason === undefined ? '' : ` (${REASONS[lock.reason]})`;
  return (
    `in the snapshot: ${lock.status}${why}, ${tickets(lock.quantity)} of category ` +
    `${lock.categoryId}, event ${lock.eventId}, user ${lock.userId}, made ` +
    `${instant(lock.createdAtMs)}, until ${instant(lock.expiresAtMs)}${end}`
  );
}

function tickets(quantity: number): string {
  return quantity === 1 ? '1 ticket' : `${quantity} tickets`;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
