import type { Id, Refusal } from '@ticket-locks/socket-adapter/protocol';
import { useEffect, useMemo, useState } from 'preact/hooks';

import { CategoryCard } from './category-card.js';
import type { CategoryActions } from './category-card.js';
import { ConnectionState } from './connection-state.js';
import { fetchEvents, fetchToken } from './demo-api.js';
import type { DemoEvent } from './demo-api.js';
import { LockClient } from './lock-client.js';
import type { LockClientState } from './lock-client.js';
import { newsWords, plainWords, tickets } from './plain-words.js';
import type { Visitor } from './visitor.js';

/** The page: one event, its categories, and what the user has locked there. */
export function App({ visitor }: { visitor: Visitor }) {
  const [events, setEvents] = useState<readonly DemoEvent[]>();
  const [hasFailed, setHasFailed] = useState(false);
  const [messages, setMessages] = useState<ReadonlyMap<Id, string>>(new Map());
  /** What a screen reader says: the user's own news, not every change of a figure. */
  const [announcement, setAnnouncement] = useState('');
  const say = (categoryId: Id, sentence: string) => {
    setMessages((known) => new Map(known).set(categoryId, sentence));
    setAnnouncement(sentence);
  };
  const [client, state] = useLockClient(visitor, say);

  useEffect(() => {
    fetchEvents().then(setEvents, () => setHasFailed(true));
  }, []);
  const event = events?.find(({ eventId }) => eventId === visitor.eventId);
  useEffect(() => {
    if (event !== undefined) document.title = `${event.name} · Ticket locks`;
  }, [event]);

  return (
    <>
      <header>
        <p class="brand">Ticket locks</p>
        <p class="user">
          You are <strong>{visitor.userId}</strong>
        </p>
        <ConnectionState state={state} />
      </header>
      <main>
        <h1>{event?.name ?? (events === undefined ? 'One moment …' : 'No such event')}</h1>
        {hasFailed && <p class="problem">The events cannot be read. Please reload the page.</p>}
        {event !== undefined && (
          <ul class="cards">
            {event.categories.map((category) => (
              <CategoryCard
                key={category.categoryId}
                category={category}
                figures={state.availability.get(category.categoryId)}
                lock={state.locks.find((lock) => lock.categoryId === category.categoryId)}
                message={messages.get(category.categoryId)}
                isOnline={state.connection === 'online'}
                actions={actionsOn(client, category.categoryId, say)}
              />
            ))}
          </ul>
        )}
        {events !== undefined && <OtherEvents events={events.filter((other) => other !== event)} />}
      </main>
      <p class="visually-hidden" role="status">
        {announcement}
      </p>
    </>
  );
}

function OtherEvents({ events }: { events: readonly DemoEvent[] }) {
  if (events.length === 0) return null;
  return (
    <nav aria-labelledby="other-events">
      <h2 id="other-events">Other events</h2>
      <ul>
        {events.map(({ eventId, name }) => (
          <li key={eventId}>
            <a href={`?eventId=${encodeURIComponent(eventId)}`}>{name}</a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

type Say = (categoryId: Id, sentence: string) => void;

/** The buttons of one category: each does its work and says how it went. */
function actionsOn(client: LockClient, categoryId: Id, say: Say): CategoryActions {
  const answered = (answer: { readonly success: true } | Refusal, sentence: string) =>
    say(categoryId, answer.success ? sentence : plainWords(answer));
  return {
    lock: async (quantity) =>
      answered(await client.lock(categoryId, quantity), `${tickets(quantity)} locked for you.`),
    unlock: async ({ lockId }) =>
      answered(await client.unlock(lockId), 'Your tickets are back on sale.'),
    extend: async ({ lockId }) => answered(await client.extend(lockId), 'You have more time now.'),
  };
}

/** One client for the page's life. It is not closed with the page: a reload keeps the locks. */
function useLockClient({ userId, eventId }: Visitor, say: Say): [LockClient, LockClientState] {
  const [, setState] = useState<LockClientState>();
  const client = useMemo(
    () =>
      new LockClient({
        eventId,
        getToken: () => fetchToken(userId),
        storage: sessionStorage,
        storageKey: `ticket-locks.session.${userId}`,
        onChange: setState,
        onNews: (name, { categoryId, quantity }) => say(categoryId, newsWords(name, quantity)),
      }),
    [userId, eventId],
  );
  useEffect(() => client.connect(), [client]);
  return [client, client.state];
}
