import type { Timers } from '@ticket-locks/lock-engine';

import type { RealtimeNamespace, RealtimeSocket } from './realtime-socket.js';

export interface SlowReadersOptions {
  readonly namespace: RealtimeNamespace;
  readonly timers: Timers;
  /** The socket reads again: it is sent what it missed. */
  readonly onCaughtUp: (socket: RealtimeSocket) => void;
}

/** What engine.io has not handed to the transport yet: a new array after each hand-over. */
interface Connection {
  readonly writeBuffer: readonly unknown[];
  close(discard: boolean): void;
}

interface Backlog {
  readonly buffer: readonly unknown[];
  readonly seenCount: number;
}

/** The room of those who are spared the broadcasts. */
export const SLOW_ROOM = 'slow';

const LOOK_MS = 1000;
/** Seen so often with the very same backlog, nothing of it was taken for as many seconds. */
const CLOSE_AFTER_COUNT = 5;

/**
 * Finds sockets that do not read, by their backlog: whether they answer pings says nothing.
 *
 * READING -> a backlog of which nothing was taken for a second: SLOW, spared the broadcasts ->
 * something is taken: READING again, and told what it missed; or nothing for 5 s: closed, with what
 * it never read.
 */
export class SlowReaders {
  readonly #options: SlowReadersOptions;
  readonly #backlogs = new Map<string, Backlog>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: SlowReadersOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancelTimer = this.#options.timers.after(LOOK_MS, () => {
      for (const socket of this.#options.namespace.sockets.values()) this.#look(socket);
      this.start();
    });
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#backlogs.clear();
  }

  /** Forgets a socket that has gone. */
  forget(socketId: string): void {
    this.#backlogs.delete(socketId);
  }

  #look(socket: RealtimeSocket): void {
    const connection = socket.conn as unknown as Connection;
    const { writeBuffer: buffer } = connection;
    const before = this.#backlogs.get(socket.id);
    if (buffer.length > 0 && before?.buffer === buffer) {
      const seenCount = before.seenCount + 1;
      this.#backlogs.set(socket.id, { buffer, seenCount });
      if (seenCount > CLOSE_AFTER_COUNT) connection.close(true);
      else void socket.join(SLOW_ROOM);
      return;
    }
    if (socket.rooms.has(SLOW_ROOM)) {
      void socket.leave(SLOW_ROOM);
      this.#options.onCaughtUp(socket);
    }
    if (buffer.length > 0) this.#backlogs.set(socket.id, { buffer, seenCount: 1 });
    else if (before !== undefined) this.#backlogs.delete(socket.id);
  }
}
