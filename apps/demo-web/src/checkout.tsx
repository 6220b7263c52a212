import { useEffect, useRef } from 'preact/hooks';

import { ActionButton } from './action-button.js';
import { keepFocus } from './keep-focus.js';
import type { HeldLock } from './lock-client.js';
import { tickets } from './plain-words.js';

/** A lock whose time is over, while the money may still come. */
export type EndedLock = Pick<HeldLock, 'lockId' | 'categoryId' | 'quantity' | 'orderId'>;

export interface CheckoutActions {
  readonly begin: (locks: readonly HeldLock[]) => void;
  readonly pay: (orderId: string, locks: readonly EndedLock[]) => void;
  readonly fail: (orderId: string, locks: readonly EndedLock[]) => void;
  readonly payLate: (lock: EndedLock) => void;
}

interface CheckoutProps {
  readonly locks: readonly HeldLock[];
  readonly ended: readonly EndedLock[];
  readonly nameOf: (lock: EndedLock) => string;
  readonly message: string | undefined;
  /** A step is under way. */
  readonly isBusy: boolean;
  readonly isOnline: boolean;
  readonly actions: CheckoutActions;
}

/** What the user has, and the way to pay for it. The orders service is played by the demo. */
export function Checkout(props: CheckoutProps) {
  const { locks, ended, nameOf, message, isBusy, isOnline, actions } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  const isDisabled = isBusy || !isOnline;
  useEffect(() => {
    if (!isBusy && message !== undefined) keepFocus(() => heading.current);
  }, [isBusy]);
  const open = locks.filter(({ orderId }) => orderId === undefined);
  const isEmpty = locks.length === 0 && ended.length === 0;
  return (
    <section class="panel" aria-labelledby="checkout">
      <h2 id="checkout" ref={heading} tabIndex={-1}>
        Your tickets
      </h2>
      {isEmpty && (
        <p class="hint">None yet. What you lock is yours alone until its time is over.</p>
      )}
      {open.length > 0 && (
        <div class="order">
          <Lines locks={open} nameOf={nameOf} />
          <ActionButton class="primary" isDisabled={isDisabled} onPress={() => actions.begin(open)}>
            Check out {tickets(total(open))}
          </ActionButton>
        </div>
      )}
      {[...ordersOf(locks)].map(([orderId, paid]) => (
        <div class="order" key={orderId}>
          <p class="hint">Order {orderId} is being paid.</p>
          <Lines locks={paid} nameOf={nameOf} />
          <div class="choices">
            <ActionButton
              class="primary"
              isDisabled={isDisabled}
              onPress={() => actions.pay(orderId, paid)}
            >
              Pay
            </ActionButton>
            <ActionButton isDisabled={isDisabled} onPress={() => actions.fail(orderId, paid)}>
              Payment fails
            </ActionButton>
          </div>
        </div>
      ))}
      {ended.map((lock) => (
        <div class="order" key={lock.lockId}>
          <p class="hint">The time is up for:</p>
          <Lines locks={[lock]} nameOf={nameOf} />
          <ActionButton isDisabled={isDisabled} onPress={() => actions.payLate(lock)}>
            Pay too late
          </ActionButton>
        </div>
      ))}
      <p class="message">{message}</p>
    </section>
  );
}

function Lines({ locks, nameOf }: Pick<CheckoutProps, 'nameOf'> & { locks: readonly EndedLock[] }) {
  return (
    <ul class="lines">
      {locks.map((lock) => (
        <li key={lock.lockId}>
          <span>{nameOf(lock)}</span>
          <strong>{tickets(lock.quantity)}</strong>
        </li>
      ))}
    </ul>
  );
}

function ordersOf(locks: readonly HeldLock[]): ReadonlyMap<string, readonly HeldLock[]> {
  const orders = new Map<string, HeldLock[]>();
  for (const lock of locks) {
    if (lock.orderId === undefined) continue;
    const orderId = String(lock.orderId);
    orders.set(orderId, [...(orders.get(orderId) ?? []), lock]);
  }
  return orders;
}

function total(locks: readonly EndedLock[]): number {
  return locks.reduce((sum, { quantity }) => sum + quantity, 0);
}
