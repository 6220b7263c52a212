import { canonicalId } from '@ticket-locks/lock-engine';
import type {
  BeginPaymentCommand,
  CompletedOrder,
  ConfirmCommand,
  DecideManyCommand,
  ExtendCommand,
  Id,
  LockCommand,
  LockLine,
  LockManyCommand,
  ReleaseCommand,
  RequireRefundCommand,
  SetInventoryCommand,
  UnlockCommand,
} from '@ticket-locks/lock-engine';

import type { ShapedInventory } from './command-shape.js';
import { textOf, textOrNone } from './wire-text.js';

/** One call of a function: its name without the library, and what it is given after the policy. */
export interface FunctionCall {
  readonly name: string;
  readonly args: readonly (string | number)[];
}

/*
 * Commands as the functions take them. Their shape was checked before; what is left out is ''.
 */

export function lockCall(command: LockCommand, newLockId: () => string): FunctionCall {
  const { quantity, onExisting } = command;
  const categoryId = idIn(command.categoryId);
  const content = ['lock', categoryId, quantity, onExisting];
  return wishCall(command, [{ categoryId, quantity }], content, newLockId);
}

export function lockManyCall(command: LockManyCommand, newLockId: () => string): FunctionCall {
  const items = command.items.map(({ categoryId, quantity }) => ({
    categoryId: idIn(categoryId),
    quantity,
  }));
  return wishCall(command, items, ['lockMany', items, command.onExisting], newLockId);
}

function wishCall(
  command: LockCommand | LockManyCommand,
  items: readonly LockLine[],
  content: readonly unknown[],
  newLockId: () => string,
): FunctionCall {
  const { sessionId, onExisting = '', requestId } = command;
  const args = [
    textOf(idIn(command.userId)),
    sessionId,
    onExisting,
    ...request(requestId, content),
  ];
  for (const { categoryId, quantity } of items) {
    args.push(textOf(categoryId), quantity, newLockId());
  }
  return { name: 'lock', args };
}

export function extendCall({ lockId, userId, requestId }: ExtendCommand): FunctionCall {
  const args = [lockId, textOrNone(claimed(userId)), ...request(requestId, ['extend', lockId])];
  return { name: 'extend', args };
}

export function unlockCall(command: UnlockCommand): FunctionCall {
  const { quantity, requestId } = command;
  const user = textOrNone(claimed(command.userId));
  if (command.lockId !== undefined) {
    const content = ['unlock', 'lock', command.lockId, quantity ?? null];
    const args = [command.lockId, user, quantity ?? '', ...request(requestId, content)];
    return { name: 'unlock', args };
  }
  const categoryId = idIn(command.categoryId);
  const content = ['unlock', 'category', categoryId, quantity ?? null];
  const args = [textOf(categoryId), user, quantity ?? '', ...request(requestId, content)];
  return { name: 'unlockOwn', args };
}

export function releaseSessionCall(userId: Id, sessionId: string): FunctionCall {
  return { name: 'releaseSession', args: [textOf(userId), sessionId] };
}

export function beginPaymentCall(command: BeginPaymentCommand, ttlMs: number): FunctionCall {
  const { lockId } = command;
  const args = [...claims(command, 'beginPayment', [lockId]), lockId, command.ttlMs ?? ttlMs];
  return { name: 'beginPayment', args };
}

/** A confirm or a release of one lock or of several, which are one function each. */
export function decisionCall(
  verb: 'confirm' | 'confirmMany' | 'release' | 'releaseMany',
  command: ConfirmCommand | ReleaseCommand | DecideManyCommand,
): FunctionCall {
  const lockIds = 'lockIds' in command ? command.lockIds : [command.lockId];
  const name = verb.startsWith('confirm') ? 'confirm' : 'release';
  return { name, args: [...claims(command, verb, lockIds), ...lockIds] };
}

export function requireRefundCall({ lockId, orderId }: RequireRefundCommand): FunctionCall {
  return { name: 'requireRefund', args: [lockId, textOrNone(claimed(orderId))] };
}

export function setInventoryCall(
  command: SetInventoryCommand,
  { figures, orders }: ShapedInventory,
): FunctionCall {
  const wasFetched = command.categories !== undefined || command.completed === undefined;
  const { fetchedAtMs } = command;
  const begun = fetchedAtMs === undefined ? '' : String(fetchedAtMs + 0);
  const counts = [figures.length, orders.length];
  return {
    name: 'setInventory',
    args: [
      textOf(idIn(command.eventId)),
      wasFetched ? '1' : '0',
      begun,
      ...counts,
      ...figures.flatMap((one) => [textOf(one.categoryId), one.capacity, one.soldElsewhere ?? '']),
      ...orders.flatMap(orderFields),
    ],
  };
}

function orderFields({ orderId, categoryId, quantity, userId, lockId }: CompletedOrder) {
  return [textOf(orderId), textOf(categoryId), quantity, textOf(userId), lockId ?? ''];
}

/** What an order claims of locks, and the space and content of its request. */
function claims(
  command: Partial<ConfirmCommand> & Pick<DecideManyCommand, 'orderId' | 'requestId'>,
  verb: string,
  lockIds: readonly string[],
): (string | number)[] {
  const orderId = claimed(command.orderId);
  return [
    textOrNone(orderId),
    textOrNone(claimed(command.userId)),
    textOrNone(claimed(command.eventId)),
    textOrNone(claimed(command.categoryId)),
    command.quantity ?? '',
    JSON.stringify([verb, orderId ?? null]),
    ...request(command.requestId, lockIds),
  ];
}

/** A request's id and content. Without an id nothing is remembered, so nothing is sent. */
function request(requestId: string | undefined, content: readonly unknown[]): (string | number)[] {
  return requestId === undefined ? ['', ''] : [requestId, JSON.stringify(content)];
}

/** The canonical form of an id whose shape was checked. */
function idIn(id: Id): Id {
  return canonicalId(id) ?? id;
}

function claimed(id: Id | undefined): Id | undefined {
  return id === undefined ? undefined : idIn(id);
}
