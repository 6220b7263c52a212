import { REALTIME_NAMESPACE } from '@ticket-locks/socket-adapter/protocol';
import type {
  Answers,
  AvailabilityUpdate,
  ClientToServer,
  ConnectRefusal,
  Connected,
  Id,
  MyLock,
  News,
  Refusal,
  RequestEvent,
  Requests,
  ServerToClient,
} from '@ticket-locks/socket-adapter/protocol';
import { io } from 'socket.io-client';
import type { Socket } from 'socket.io-client';

/** An active lock of the user. `endsAtMs` is on the clock of `performance.now()`. */
export interface HeldLock extends MyLock {
  readonly endsAtMs: number;
}

export interface LockClientState {
  /** `refused`: the service does not let us in; we ask again from time to time. */
  readonly connection: 'connecting' | 'online' | 'lost' | 'refused';
  /** Why we are refused, or may not see the event. */
  readonly refusal: ConnectRefusal | undefined;
  /** The newest figures of each category of the event. */
  readonly availability: ReadonlyMap<Id, AvailabilityUpdate>;
  readonly locks: readonly HeldLock[];
}

/** News about the user's own locks. */
export type PersonalNews = Exclude<keyof News, 'connected' | 'availability-update' | 'error'>;

export interface LockClientOptions {
  readonly eventId: Id;
  /** Asked at each connection, so that an expired token is replaced. */
  readonly getToken: () => Promise<string>;
  /** Where the session is kept across a reload: `sessionStorage`. */
  readonly storage: Pick<Storage, 'getItem' | 'setItem'>;
  /** One for each user. */
  readonly storageKey: string;
  readonly onChange: (state: LockClientState) => void;
  readonly onNews?: (name: PersonalNews, news: News[PersonalNews]) => void;
  /** The origin of the service; default the page's own. */
  readonly url?: string;
}

const ANSWER_TIMEOUT_MS = 4000;
/**
 * Tries of one request, all with the same `requestId`: it has one effect, however often it arrives.
 */
const TRIES = 3;
const ASK_AGAIN_MS = 3000;
const PERSONAL_NEWS: readonly PersonalNews[] = [
  'lock-expiring',
  'lock-expired',
  'lock-released',
  'lock-confirmed',
  'order-completed',
  'order-cancelled',
];
const NO_ANSWER: Refusal = {
  success: false,
  code: 'OUTCOME_UNKNOWN',
  message: 'The service did not answer.',
};

/**
 * One buyer's view of one event, without a framework: copy it, or import it.
 *
 * NEW -> `connect` -> CONNECTING -> ONLINE <-> LOST ... -> `close`, which gives the locks back at
 * once. A reload or a lost network does not: the session is taken up again with its locks. On every
 * connection the room is joined anew and the locks are read anew, so nothing that happened
 * meanwhile is missed.
 */
export class LockClient {
  readonly #options: LockClientOptions;
  readonly #socket: Socket<ServerToClient, ClientToServer>;
  #state: LockClientState = {
    connection: 'connecting',
    refusal: undefined,
    availability: new Map(),
    locks: [],
  };
  #askAgain: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LockClientOptions) {
    this.#options = options;
    this.#socket = io(`${options.url ?? ''}${REALTIME_NAMESPACE}`, {
      autoConnect: false,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      auth: (send) => void this.#authenticate(send),
    });
    this.#socket.on('connected', (news) => void this.#onConnected(news));
    this.#socket.on('disconnect', (reason) => this.#onDisconnect(reason));
    this.#socket.on('connect_error', (error) => this.#onConnectError(error));
    this.#socket.on('availability-update', (update) => this.#onAvailability([update]));
    for (const name of PERSONAL_NEWS) {
      this.#socket.on(name, (news: News[PersonalNews]) => {
        this.#options.onNews?.(name, news);
        void this.refreshLocks();
      });
    }
  }

  connect(): void {
    this.#socket.connect();
  }

  /** Says goodbye: the session's locks are given back at once. */
  close(): void {
    clearTimeout(this.#askAgain);
    this.#socket.disconnect();
  }

  get state(): LockClientState {
    return this.#state;
  }

  /** Locks tickets of one category, or changes how many are locked there. */
  async lock(categoryId: Id, quantity: number): Promise<Answers['lock-tickets']> {
    const { eventId } = this.#options;
    const request = { eventId, categoryId, quantity, onExisting: 'set' as const };
    return this.#change('lock-tickets', request);
  }

  /** Gives all tickets of a lock back. */
  async unlock(lockId: string): Promise<Answers['unlock-tickets']> {
    return this.#change('unlock-tickets', { lockId });
  }

  async extend(lockId: string): Promise<Answers['extend-lock']> {
    return this.#change('extend-lock', { lockId });
  }

  /** Reads the user's locks in this event anew. */
  async refreshLocks(): Promise<void> {
    const answer = await this.#ask('get-my-locks', {});
    if (!('locks' in answer)) return;
    const nowMs = performance.now();
    const locks = answer.locks
      .filter((lock) => lock.eventId === this.#options.eventId)
      // What is left is told as a duration: the clocks of users are wrong.
      .map((lock) => ({ ...lock, endsAtMs: nowMs + lock.expiresInMs }));
    this.#set({ locks });
  }

  async #change<Event extends 'lock-tickets' | 'unlock-tickets' | 'extend-lock'>(
    event: Event,
    request: Requests[Event],
  ): Promise<Answers[Event] | Refusal> {
    const answer = await this.#ask(event, { ...request, requestId: newRequestId() });
    await this.refreshLocks();
    return answer;
  }

  /** Sends a request until it is answered, at most a few times. */
  async #ask<Event extends RequestEvent>(
    event: Event,
    request: Requests[Event],
  ): Promise<Answers[Event] | Refusal> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      try {
        return await answerOf(this.#socket, event, request);
      } catch {
        // Not answered in time, or the connection was lost: it may have been done.
      }
    }
    return NO_ANSWER;
  }

  async #authenticate(send: (auth: object) => void): Promise<void> {
    const { getToken, storage, storageKey } = this.#options;
    const resumeToken = storage.getItem(storageKey) ?? undefined;
    // Without a token we are refused, and ask again.
    const token = await getToken().catch(() => '');
    send({ token, resumeToken });
  }

  async #onConnected({ resumeToken }: Connected): Promise<void> {
    const { storage, storageKey, eventId } = this.#options;
    storage.setItem(storageKey, resumeToken);
    const [joined] = await Promise.all([
      this.#ask('join-event-room', { eventId }),
      this.refreshLocks(),
    ]);
    if (joined.success) this.#onAvailability(joined.availability);
    const refusal = joined.success ? undefined : joined;
    this.#set({ connection: this.#socket.connected ? 'online' : 'lost', refusal });
  }

  #onDisconnect(reason: Socket.DisconnectReason): void {
    this.#set({ connection: 'lost' });
    // socket.io does not come back by itself when the server has closed.
    if (reason === 'io server disconnect') this.#connectLater(ASK_AGAIN_MS);
  }

  #onConnectError(error: Error & { readonly data?: ConnectRefusal }): void {
    if (this.#socket.active) return this.#set({ connection: 'lost' });
    this.#set({ connection: 'refused', refusal: error.data });
    this.#connectLater(error.data?.retryAfterMs ?? ASK_AGAIN_MS);
  }

  #connectLater(delayMs: number): void {
    clearTimeout(this.#askAgain);
    this.#askAgain = setTimeout(() => this.#socket.connect(), delayMs);
  }

  #onAvailability(updates: readonly AvailabilityUpdate[]): void {
    const availability = new Map(this.#state.availability);
    for (const update of updates) {
      const known = availability.get(update.categoryId);
      const isNewer = known === undefined || update.version >= known.version;
      if (isNewer && update.eventId === this.#options.eventId) {
        availability.set(update.categoryId, update);
      }
    }
    this.#set({ availability });
  }

  #set(part: Partial<LockClientState>): void {
    this.#state = { ...this.#state, ...part };
    this.#options.onChange(this.#state);
  }
}

/** 128 random bits. `crypto.randomUUID` is missing where a page came without TLS. */
function newRequestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Sends and waits for the acknowledgement. Rejects when there is none in time. */
function answerOf<Event extends RequestEvent>(
  socket: Socket<ServerToClient, ClientToServer>,
  event: Event,
  request: Requests[Event],
): Promise<Answers[Event]> {
  // The types of socket.io do not follow a map of events through a type parameter.
  const emitter = socket.timeout(ANSWER_TIMEOUT_MS) as unknown as {
    emitWithAck(event: string, request: object): Promise<Answers[Event]>;
  };
  return emitter.emitWithAck(event, request);
}
