import type { Id } from '@ticket-locks/lock-engine';
import type { DefaultEventsMap, Namespace, Socket } from 'socket.io';

import type { Place } from './connection-places.js';
import type { ClientToServer, ServerToClient } from './protocol.js';

/** Who is on the other end, as the middleware found out. */
export interface Admission {
  readonly userId: Id;
  readonly tokenExpiresAtMs: number;
  readonly ip: string;
  readonly resumeToken: string | undefined;
  readonly place: Place;
}

interface RealtimeSocketData {
  admission?: Admission;
}

export type RealtimeSocket = Socket<
  ClientToServer,
  ServerToClient,
  DefaultEventsMap,
  RealtimeSocketData
>;
export type RealtimeNamespace = Namespace<
  ClientToServer,
  ServerToClient,
  DefaultEventsMap,
  RealtimeSocketData
>;

/** The room of all sockets of one user. */
export function userRoom(userId: Id): string {
  return `user_${userId}`;
}
