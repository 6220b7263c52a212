import type { Id } from '@ticket-locks/socket-adapter/protocol';

import type { DemoEvent } from '../demo-api.js';
import { tickets } from '../plain-words.js';
import type { ShownChange } from './operator-api.js';

const WORDS: Readonly<Record<string, string>> = {
  locked: 'locked',
  'quantity-changed': 'changed to',
  extended: 'got more time for',
  'payment-begun': 'pays for',
  confirmed: 'bought',
  released: 'gave back',
  expired: 'lost by time',
  expiring: 'is running out of time for',
  settled: 'is settled for',
};

interface ChangeListProps {
  readonly changes: readonly ShownChange[];
  readonly events: readonly DemoEvent[];
}

/** What happened lately, the newest first. Not read out: it changes all the time. */
export function ChangeList({ changes, events }: ChangeListProps) {
  if (changes.length === 0) return <p class="hint">Nothing has happened yet.</p>;
  return (
    <div class="changes" role="region" aria-label="Recent changes" tabIndex={0}>
      <ol>
        {changes.map((change) => (
          <li key={change.number}>
            <time dateTime={change.at}>{change.at.slice(11, 19)}</time>
            <span class={`kind ${change.type}`}>{change.type}</span>
            <span class="what">{sentence(change, events)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function sentence(change: ShownChange, events: readonly DemoEvent[]): string {
  const { type, userId, quantity, reason, orderId, late } = change;
  const place = placeOf(change, events);
  if (userId === undefined || quantity === undefined) return place;
  const facts = [
    reason === undefined ? '' : `, ${reason}`,
    orderId === undefined ? '' : `, order ${orderId}`,
    late === true ? ', late' : '',
  ];
  return `${userId} ${WORDS[type] ?? type} ${tickets(quantity)} · ${place}${facts.join('')}`;
}

function placeOf({ eventId, categoryId }: ShownChange, events: readonly DemoEvent[]): string {
  const event = events.find((known) => known.eventId === eventId);
  const name = (id: Id | undefined, found: string | undefined) => found ?? String(id ?? '');
  const category = event?.categories.find((known) => known.categoryId === categoryId);
  const names = [name(eventId, event?.name), name(categoryId, category?.name)];
  return names.filter((part) => part !== '').join(', ');
}
