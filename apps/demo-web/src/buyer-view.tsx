import type { Id, News, Refusal } from '@ticket-locks/socket-adapter/protocol';
import { useState } from 'preact/hooks';

import { CategoryCard } from './category-card.js';
import type { CategoryActions } from './category-card.js';
import { Checkout } from './checkout.js';
import type { EndedLock } from './checkout.js';
import type { DemoEvent } from './demo-api.js';
import { keepFocus } from './keep-focus.js';
import type { HeldLock, LockClient, LockClientState, PersonalNews } from './lock-client.js';
import { newsWords, plainWords, tickets } from './plain-words.js';
import { TimeWarning } from './time-warning.js';
import { TogetherForm } from './together-form.js';
import { useCheckout } from './use-checkout.js';
import { useLockClient } from './use-lock-client.js';
import type { Visit } from './visit.js';

/** A buyer's connection and what was told about it; it lives on while another view is shown. */
export interface Buyer {
  readonly client: LockClient;
  readonly state: LockClientState;
  readonly messages: ReadonlyMap<Id, string>;
  readonly say: Say;
  readonly checkout: ReturnType<typeof useCheckout>;
}

/** Says how something went; what the page shows anyway is only read out. */
export type Say = (categoryId: Id, sentence: string, isShownAnyway?: boolean) => void;

/** `announce` is what a screen reader says: the user's own news, not every change of a figure. */
export function useBuyer(
  visit: Visit,
  isWanted: boolean,
  announce: (sentence: string) => void,
): Buyer {
  const [messages, setMessages] = useState<ReadonlyMap<Id, string>>(new Map());
  const say: Say = (categoryId, sentence, isShownAnyway = false) => {
    setMessages((known) => new Map(known).set(categoryId, isShownAnyway ? '' : sentence));
    announce(sentence);
  };
  const onNews = (name: PersonalNews, news: News[PersonalNews]) => {
    if (news.eventId !== visit.eventId) return;
    const words = newsWords(name, news.quantity);
    // The warning shows it, and the card may be saying how the buyer's own action went.
    if (name === 'lock-expiring') announce(words);
    else say(news.categoryId, words);
    if (name === 'lock-expired' && 'lockId' in news) checkout.onEnded(news);
  };
  const [client, state] = useLockClient({ ...visit, storage: sessionStorage, onNews, isWanted });
  const checkout = useCheckout(client, announce);
  return { client, state, messages, say, checkout };
}

/** One event, its categories, and what the user has locked there. */
export function BuyerView({ event, buyer }: { event: DemoEvent; buyer: Buyer }) {
  const { client, state, messages, say, checkout } = buyer;
  const isOnline = state.connection === 'online';
  const nameOf = ({ categoryId }: EndedLock) =>
    event.categories.find((category) => category.categoryId === categoryId)?.name ??
    String(categoryId);
  const extend = async (locks: readonly HeldLock[]) => {
    for (const { lockId, categoryId } of locks) {
      const answer = await client.extend(lockId);
      say(categoryId, answer.success ? 'You have more time now.' : plainWords(answer));
    }
    keepFocus(() => document.querySelector('h1'));
  };
  return (
    <div class="columns">
      <ul class="cards">
        {event.categories.map((category) => (
          <CategoryCard
            key={category.categoryId}
            category={category}
            figures={state.availability.get(category.categoryId)}
            lock={state.locks.find((lock) => lock.categoryId === category.categoryId)}
            message={messages.get(category.categoryId)}
            isOnline={isOnline}
            actions={actionsOn(client, category.categoryId, say)}
          />
        ))}
      </ul>
      {state.locks.length > 0 && (
        <a class="to-checkout" href="#checkout">
          To the checkout: {tickets(state.locks.reduce((sum, { quantity }) => sum + quantity, 0))}
        </a>
      )}
      <div class="side">
        <Checkout
          locks={state.locks}
          ended={checkout.ended}
          nameOf={nameOf}
          message={checkout.message}
          isBusy={checkout.isBusy}
          isOnline={isOnline}
          actions={checkout.actions}
        />
        {event.categories.length > 1 && (
          <TogetherForm
            categories={event.categories}
            availability={state.availability}
            isOnline={isOnline}
            onLock={async (items) => {
              const answer = await client.lockTogether(items);
              for (const { categoryId, quantity } of items) {
                const words = togetherWords(answer, categoryId, quantity);
                say(categoryId, words, answer.success);
              }
              return answer.success;
            }}
          />
        )}
      </div>
      <TimeWarning
        locks={state.locks}
        nameOf={nameOf}
        isOnline={isOnline}
        onExtend={(locks) => void extend(locks)}
      />
    </div>
  );
}

/** The buttons of one category: each does its work and says how it went. */
export function actionsOn(client: LockClient, categoryId: Id, say: Say): CategoryActions {
  return {
    lock: async (quantity) => {
      const answer = await client.lock(categoryId, quantity);
      if (answer.success) say(categoryId, `${tickets(quantity)} locked for you.`, true);
      else say(categoryId, plainWords(answer));
    },
    unlock: async ({ lockId }) => {
      const answer = await client.unlock(lockId);
      say(categoryId, answer.success ? 'Your tickets are back on sale.' : plainWords(answer));
    },
  };
}

/** A category that fell short says how many there are; the others, that nothing was locked. */
function togetherWords(
  answer: { readonly success: true } | Refusal,
  categoryId: Id,
  quantity: number,
): string {
  if (answer.success) return `${tickets(quantity)} locked for you.`;
  if (answer.code !== 'INSUFFICIENT_TICKETS') return plainWords(answer);
  const line = answer.lines?.find((short) => short.categoryId === categoryId);
  if (line === undefined) return 'Not locked: there are too few in another category.';
  return plainWords({ code: answer.code, available: line.available });
}
