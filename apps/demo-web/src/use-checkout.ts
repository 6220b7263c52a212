import type { Refusal } from '@ticket-locks/socket-adapter/protocol';
import { useState } from 'preact/hooks';

import type { CheckoutActions, EndedLock } from './checkout.js';
import { askOrders, newOrderId } from './demo-api.js';
import type { DemoOrder, OrderStep } from './demo-api.js';
import type { LockClient } from './lock-client.js';
import { plainWords, tickets } from './plain-words.js';

interface CheckoutState {
  readonly isBusy: boolean;
  /** How the latest step went. */
  readonly message: string | undefined;
  readonly ended: readonly EndedLock[];
  readonly actions: CheckoutActions;
  readonly onEnded: (lock: EndedLock) => void;
}

const ENDED_MAX = 3;

/** What the orders service does in a shop, at the press of a button. */
export function useCheckout(
  client: LockClient,
  announce: (sentence: string) => void,
): CheckoutState {
  const [isBusy, setIsBusy] = useState(false);
  const [message, setMessage] = useState<string>();
  const [ended, setEnded] = useState<readonly EndedLock[]>([]);

  const say = (sentence: string) => {
    setMessage(sentence);
    announce(sentence);
  };
  const ask = async (step: OrderStep, order: DemoOrder, words: (late: boolean) => string) => {
    setIsBusy(true);
    const answer = await askOrders(step, order);
    await client.refreshLocks();
    setIsBusy(false);
    say(answer.success ? words(answer.late === true) : orderWords(answer));
  };
  const actions: CheckoutActions = {
    begin: (locks) => {
      const order = { orderId: newOrderId(), lockIds: idsOf(locks) };
      void ask('begin-payment', order, () => 'Your tickets wait until you have paid.');
    },
    pay: (orderId, locks) => {
      const words = `Paid. ${tickets(totalOf(locks))} sold to you. Enjoy the show!`;
      void ask('confirm', { orderId, lockIds: idsOf(locks) }, () => words);
    },
    fail: (orderId, locks) => {
      const words = 'The payment failed. The tickets are back on sale.';
      void ask('fail', { orderId, lockIds: idsOf(locks) }, () => words);
    },
    payLate: (lock) => {
      setEnded((known) => known.filter(({ lockId }) => lockId !== lock.lockId));
      const order = { orderId: String(lock.orderId ?? newOrderId()), lockIds: [lock.lockId] };
      void ask('confirm', order, (late) =>
        late ? 'Late, but there were tickets left: they are yours.' : 'They were yours already.',
      );
    },
  };
  const onEnded = (lock: EndedLock) => setEnded((known) => [lock, ...known].slice(0, ENDED_MAX));
  return { isBusy, message, ended, actions, onEnded };
}

function orderWords(refusal: Refusal): string {
  const noMoney = refusal.code === 'OUTCOME_UNKNOWN' ? '' : ' No money was taken.';
  return `${plainWords(refusal)}${noMoney}`;
}

function idsOf(locks: readonly EndedLock[]): readonly string[] {
  return locks.map(({ lockId }) => lockId);
}

function totalOf(locks: readonly EndedLock[]): number {
  return locks.reduce((sum, { quantity }) => sum + quantity, 0);
}
