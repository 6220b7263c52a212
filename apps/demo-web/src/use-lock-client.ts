import { useEffect, useMemo, useState } from 'preact/hooks';

import { fetchToken } from './demo-api.js';
import { LockClient } from './lock-client.js';
import type { LockClientOptions, LockClientState } from './lock-client.js';

interface ClientChoices extends Pick<LockClientOptions, 'eventId' | 'storage' | 'onNews'> {
  readonly userId: string;
  /** It connects when this becomes true for the first time. */
  readonly isWanted?: boolean;
}

/**
 * One client for the component's life. It says no goodbye: whoever comes back within the grace, or
 * reloads, has his locks still.
 */
export function useLockClient({
  userId,
  eventId,
  storage,
  onNews,
  isWanted = true,
}: ClientChoices): [LockClient, LockClientState] {
  const [, setState] = useState<LockClientState>();
  const client = useMemo(
    () =>
      new LockClient({
        eventId,
        getToken: () => fetchToken(userId),
        storage,
        storageKey: `ticket-locks.session.${userId}`,
        onChange: setState,
        ...(onNews !== undefined && { onNews }),
      }),
    [userId, eventId],
  );
  useEffect(() => {
    if (isWanted) client.connect();
  }, [client, isWanted]);
  useEffect(() => () => client.interrupt({ comesBack: false }), [client]);
  return [client, client.state];
}
