import type { Id, LockChange, ReleaseReason } from '@ticket-locks/lock-engine';

import { FIELD, idOf, idOrNone, LINE } from './wire-text.js';

/** The changes of one command, as the functions tell them. */
export interface ChangeBatch {
  readonly eventId: Id;
  readonly epoch: number;
  /** In the order of `seq`, which counts the changes of this event from 1, without gaps. */
  readonly changes: readonly LockChange[];
}

/** Lines before the changes: event, epoch, `seq` of the first change, instant of all. */
const HEAD_COUNT = 4;

/** Reads what a function told. Pure: reads no clock, performs no I/O. */
export function changesOf(text: string): ChangeBatch {
  const lines = text.split(LINE);
  const { eventId, epoch, firstSeq } = headOf(lines);
  const atMs = Number(lines[3]);
  const changes: LockChange[] = [];
  for (let at = HEAD_COUNT; at < lines.length; at += 1) {
    const header = { seq: firstSeq + at - HEAD_COUNT, atMs };
    changes.push(changeOf(header, eventId, (lines[at] ?? '').split(FIELD)));
  }
  return { eventId, epoch, changes };
}

/** What a text begins with, which is enough to know whether it is news. */
export function headOf(lines: readonly string[]): {
  readonly eventId: Id;
  readonly epoch: number;
  readonly firstSeq: number;
} {
  const [event = '', epoch, firstSeq] = lines;
  return { eventId: idOf(event), epoch: Number(epoch), firstSeq: Number(firstSeq) };
}

interface Header {
  readonly seq: number;
  readonly atMs: number;
}

function changeOf(header: Header, eventId: Id, fields: readonly string[]): LockChange {
  const [type = '', lockId = '', category = '', user = '', quantity, first = '', second = ''] =
    fields;
  if (type === 'inventory-set') return inventorySet(header, eventId, fields.slice(1));
  const { seq, atMs } = header;
  if (type === 'event-cancelled') return { seq, atMs, type, eventId };
  const about = {
    seq,
    atMs,
    lockId,
    eventId,
    categoryId: idOf(category),
    userId: idOf(user),
    quantity: Number(quantity),
  };
  return changeAbout(type, about, first, second);
}

type About = Omit<Extract<LockChange, { type: 'expired' }>, 'type' | 'expiresAtMs' | 'orderId'>;

function changeAbout(type: string, about: About, first: string, second: string): LockChange {
  switch (type) {
    case 'locked':
      return { ...about, type, sessionId: first, expiresAtMs: Number(second) };
    case 'quantity-changed':
      return { ...about, type, previousQuantity: Number(first) };
    case 'extended':
      return { ...about, type, expiresAtMs: Number(first) };
    case 'payment-begun':
      return { ...about, type, orderId: idOf(first), expiresAtMs: Number(second) };
    case 'confirmed':
      return { ...about, type, ...order(first), ...(second === '1' && { late: true as const }) };
    case 'released':
      return { ...about, type, reason: first as ReleaseReason, ...order(second) };
    case 'expired':
    case 'expiring':
      return { ...about, type, expiresAtMs: Number(first), ...order(second) };
    case 'order-completed':
      return { ...about, type, orderId: idOf(first) };
    case 'settled':
      return {
        ...about,
        type,
        ...order(first),
        ...(second === '1' && { byOperator: true as const }),
      };
    case 'refund-required':
      return { ...about, type, ...order(first) };
    default:
      throw new TypeError(`a function told of a change of type ${type}, which nobody knows`);
  }
}

function order(text: string): { readonly orderId?: Id } {
  const orderId = idOrNone(text);
  return orderId === undefined ? {} : { orderId };
}

function inventorySet(
  header: Header,
  eventId: Id,
  [fetchedAtMs = '', count = '', ...rest]: readonly string[],
): LockChange {
  const figuresEnd = Number(count) * 3;
  const categories = triples(rest.slice(0, figuresEnd)).map(([category, capacity, sold]) => ({
    categoryId: idOf(category),
    capacity: Number(capacity),
    soldElsewhere: Number(sold),
  }));
  const pairs = rest.slice(figuresEnd);
  const completed = pairs.flatMap((lockId, index) =>
    index % 2 === 0 ? [{ lockId, orderId: idOf(pairs[index + 1] ?? '') }] : [],
  );
  const type = 'inventory-set';
  return { ...header, type, eventId, fetchedAtMs: Number(fetchedAtMs), categories, completed };
}

function triples(values: readonly string[]): [string, string, string][] {
  const list: [string, string, string][] = [];
  for (let at = 0; at < values.length; at += 3) {
    list.push([values[at] ?? '', values[at + 1] ?? '', values[at + 2] ?? '']);
  }
  return list;
}
