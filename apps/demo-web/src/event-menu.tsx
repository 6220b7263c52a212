import type { DemoEvent } from './demo-api.js';
import { hrefOf } from './visit.js';
import type { Visit } from './visit.js';

interface EventMenuProps {
  /** `undefined` while they are fetched: the menu keeps its place free. */
  readonly events: readonly DemoEvent[] | undefined;
  readonly visit: Visit;
}

/** All events, the present one marked. Another one is another page: its session goes on there. */
export function EventMenu({ events, visit }: EventMenuProps) {
  if (events === undefined) return <div class="events" />;
  if (events.length < 2) return null;
  return (
    <nav class="events" aria-label="Events">
      <ul>
        {events.map(({ eventId, name }) => (
          <li key={eventId}>
            <a
              href={hrefOf({ ...visit, eventId })}
              aria-current={eventId === visit.eventId ? 'page' : undefined}
            >
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
