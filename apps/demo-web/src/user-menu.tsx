import { useId } from 'preact/hooks';

import type { Visit } from './visit.js';

const SOME_USERS = ['alice', 'bob', 'carol', 'dave'];

/** Who one is, and becoming somebody else: nobody is asked for a password in a demo. */
export function UserMenu({ visit }: { visit: Visit }) {
  const inputId = useId();
  const listId = useId();
  return (
    <details class="user">
      <summary>
        <span class="visually-hidden">You are </span>
        {visit.userId}
      </summary>
      <form method="get">
        <input type="hidden" name="eventId" value={visit.eventId} />
        <label for={inputId}>Be somebody else</label>
        <div class="row">
          <input
            id={inputId}
            name="user"
            list={listId}
            required
            maxLength={64}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
          />
          <datalist id={listId}>
            {SOME_USERS.map((user) => (
              <option key={user} value={user} />
            ))}
          </datalist>
          <button type="submit" class="primary">
            Go
          </button>
        </div>
      </form>
    </details>
  );
}
