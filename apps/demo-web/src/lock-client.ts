import { REALTIME_NAMESPACE } from '@ticket-locks/socket-adapter/protocol';
import type {
  Answers,
  AvailabilityUpdate,
  ClientToServer,
  ConnectRefusal,
  Connected,
  ErrorCode,
  Id,
  LockLineRequest,
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
  /** One for each user: nobody can take up another's session. */
  readonly storageKey: string;
  readonly onChange: (state: LockClientState) => void;
  readonly onNews?: (name: PersonalNews, news: News[PersonalNews]) => void;
  /** The origin of the service; default the page's own. */
  readonly url?: string;
  /** Default true. Without it `availability` stays empty: for who only locks. */
  readonly watchesAvailability?: boolean;
}

const ANSWER_TIMEOUT_MS = 4000;
/**
 * Tries of one request, all with the same `requestId`: it has one effect, however often it arrives.
 */
const TRIES = 3;
const PAUSE_MS = 250;
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
 *
 * A duplicated tab has a copy of the storage, and with it the same session: the service counts the
 * session's sockets, and only the last one that goes takes the locks along.
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
  /** The newest version of each category's figures since the latest connection. */
  readonly #versions = new Map<Id, number>();
  #askAgain: ReturnType<typeof setTimeout> | undefined;
  /** Readings of the locks that were begun, and the newest one that was taken over. */
  #readingsBegun = 0;
  #readingTaken = 0;

  constructor(options: LockClientOptions) {
    this.#options = options;
    this.#socket = io(`${options.url ?? ''}${REALTIME_NAMESPACE}`, {
      autoConnect: false,
      // A connection of its own, however many clients a page has.
      forceNew: true,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      auth: (send) => void this.#authenticate(send),
    });
    this.#socket.on('connected', (news) => void this.#onConnected(news));
    this.#socket.on('disconnect', (reason) => this.#onDisconnect(reason));
    this.#socket.on('connect_error', (error) => this.#onConnectError(error));
    this.#socket.on('availability-update', (update) => this.#onAvailability([update]));
    this.#socket.on('error', ({ code, event }) => {
      if (code === 'UNAUTHORIZED' && event === undefined) void this.#renewToken();
    });
    for (const name of PERSONAL_NEWS) {
      this.#socket.on(name, (news: News[PersonalNews]) => {
        this.#options.onNews?.(name, news);
        void this.refreshLocks();
      });
    }
  }

  connect(): void {
    this.#socket.io.reconnection(true);
    this.#socket.connect();
  }

  /** Says goodbye: the session's locks are given back at once. */
  close(): void {
    clearTimeout(this.#askAgain);
    this.#socket.io.reconnection(false);
    this.#whenNotOpening(() => this.#socket.disconnect());
    this.#set({ connection: 'lost' });
  }

  /** Cuts the connection as a bad network does, to show what happens then. */
  interrupt({ comesBack }: { readonly comesBack: boolean }): void {
    if (!comesBack) clearTimeout(this.#askAgain);
    this.#socket.io.reconnection(comesBack);
    this.#whenNotOpening(() => this.#socket.io.engine?.close());
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

  /** Locks tickets of several categories: all of them, with one end, or none. */
  async lockTogether(items: readonly LockLineRequest[]): Promise<Answers['lock-tickets']> {
    const { eventId } = this.#options;
    return this.#change('lock-tickets', { eventId, items, onExisting: 'set' as const });
  }

  /** Gives tickets of a lock back; without a quantity all of them. */
  async unlock(lockId: string, quantity?: number): Promise<Answers['unlock-tickets']> {
    return this.#change('unlock-tickets', { lockId, quantity });
  }

  async extend(lockId: string): Promise<Answers['extend-lock']> {
    return this.#change('extend-lock', { lockId });
  }

  /** Reads the user's locks in this event anew. */
  async refreshLocks(): Promise<void> {
    this.#readingsBegun += 1;
    const reading = this.#readingsBegun;
    const answer = await this.#ask('get-my-locks', {});
    // What was asked earlier and is answered later is out of date.
    if (!('locks' in answer) || reading < this.#readingTaken) return;
    this.#readingTaken = reading;
    const nowMs = performance.now();
    const locks = answer.locks
      .filter((lock) => lock.eventId === this.#options.eventId)
      // What is left is told as a duration: the clocks of users are wrong.
      .map((lock) => ({ ...lock, endsAtMs: nowMs + lock.expiresInMs }));
    this.#set({ locks });
  }

  /** How long the service takes to answer, in milliseconds; `undefined` when it does not. */
  async roundTripMs(): Promise<number | undefined> {
    const sentAtMs = performance.now();
    const answer = await answerOf(this.#socket, 'heartbeat', {}).catch(() => undefined);
    return answer === undefined ? undefined : performance.now() - sentAtMs;
  }

  async #change<Event extends 'lock-tickets' | 'unlock-tickets' | 'extend-lock'>(
    event: Event,
    wish: Requests[Event],
  ): Promise<Answers[Event] | Refusal> {
    const request = { ...wish, requestId: newRequestId() };
    let answer = await this.#ask(event, request);
    if (codeOf(answer) === 'UNAUTHORIZED' && (await this.#renewToken())) {
      answer = await this.#ask(event, request);
    }
    await this.refreshLocks();
    return answer;
  }

  /** Sends a request until it is answered for sure, at most a few times. */
  async #ask<Event extends RequestEvent>(
    event: Event,
    request: Requests[Event],
  ): Promise<Answers[Event] | Refusal> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      try {
        const answer = await answerOf(this.#socket, event, request);
        if (codeOf(answer) !== 'OUTCOME_UNKNOWN') return answer;
        await pause(PAUSE_MS * (tries + 1));
      } catch {
        // Not answered in time, or the connection was lost: it may have been done.
      }
    }
    return NO_ANSWER;
  }

  /** The token has ended while we were connected. */
  async #renewToken(): Promise<boolean> {
    const token = await this.#options.getToken().catch(() => undefined);
    if (token === undefined) return false;
    const answer = await this.#ask('refresh-token', { token });
    return 'success' in answer && answer.success;
  }

  /** A browser complains about a connection that is closed before it is open. */
  #whenNotOpening(work: () => void): void {
    const { engine } = this.#socket.io;
    if (engine?.readyState === 'opening') engine.once('open', work);
    else work();
  }

  async #authenticate(send: (auth: object) => void): Promise<void> {
    const { getToken, storage, storageKey } = this.#options;
    const resumeToken = storage.getItem(storageKey) ?? undefined;
    // Without a token we are refused, and ask again.
    const token = await getToken().catch(() => '');
    send({ token, resumeToken });
  }

  async #onConnected({ resumeToken }: Connected): Promise<void> {
    const { storage, storageKey, watchesAvailability = true } = this.#options;
    storage.setItem(storageKey, resumeToken);
    // A service that lost its memory counts from 1 again.
    this.#versions.clear();
    const joining = watchesAvailability ? this.#join() : undefined;
    const [refusal] = await Promise.all([joining, this.refreshLocks()]);
    this.#set({ connection: this.#socket.connected ? 'online' : 'lost', refusal });
  }

  async #join(): Promise<Refusal | undefined> {
    const joined = await this.#ask('join-event-room', { eventId: this.#options.eventId });
    if (!joined.success) return joined;
    this.#onAvailability(joined.availability);
    return undefined;
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
      const { eventId, categoryId, version } = update;
      const isNews = version >= (this.#versions.get(categoryId) ?? 0);
      if (!isNews || eventId !== this.#options.eventId) continue;
      this.#versions.set(categoryId, version);
      availability.set(categoryId, update);
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

function codeOf(answer: object): ErrorCode | undefined {
  return (answer as Partial<Refusal>).code;
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
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
