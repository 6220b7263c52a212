import type { LockClientState } from './lock-client.js';
import { connectionWords } from './plain-words.js';

/** Whether the figures are live. */
export function ConnectionState({ state }: { state: LockClientState }) {
  const { connection, refusal } = state;
  return (
    <p class={`connection ${connection}`} role="status">
      <span class="dot" aria-hidden="true" />
      {connectionWords(connection, refusal)}
    </p>
  );
}
