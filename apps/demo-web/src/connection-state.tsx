import type { LockClientState } from './lock-client.js';
import { plainWords } from './plain-words.js';

const WORDS = {
  connecting: 'Connecting …',
  online: 'Live',
  lost: 'Reconnecting …',
  refused: 'Signing in …',
} satisfies Record<LockClientState['connection'], string>;

/** Whether the figures are live. */
export function ConnectionState({ state }: { state: LockClientState }) {
  const { connection, refusal } = state;
  return (
    <p class={`connection ${connection}`} role="status">
      <span class="dot" aria-hidden="true" />
      {refusal === undefined ? WORDS[connection] : plainWords(refusal)}
    </p>
  );
}
