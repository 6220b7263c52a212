import { canonicalId, systemClock, systemTimers } from '@ticket-locks/lock-engine';
import type {
  Clock,
  Id,
  LockChange,
  LockErrorCode,
  StaleNews,
  TicketLocks,
  Timers,
} from '@ticket-locks/lock-engine';
import type { Server } from 'socket.io';

import { silentLog } from './adapter-log.js';
import type { AdapterLog } from './adapter-log.js';
import { AvailabilityFeed } from './availability-feed.js';
import { BuyerSocket } from './buyer-socket.js';
import type { BuyerSocketContext } from './buyer-socket.js';
import { clientAddress } from './client-address.js';
import { ConnectionPlaces } from './connection-places.js';
import { Doorkeeper } from './doorkeeper.js';
import { PeerCounts, userOfKey } from './peer-counts.js';
import type { Peers } from './peers.js';
import { PersonalNews } from './personal-news.js';
import type { OrderToForward, ReleasedLock } from './personal-news.js';
import { ERROR_CODES, eventRoom, REALTIME_NAMESPACE } from './protocol.js';
import { userRoom } from './realtime-socket.js';
import type { RealtimeNamespace, RealtimeSocket } from './realtime-socket.js';
import { RequestGate } from './request-gate.js';
import { requestHandlers } from './request-handlers.js';
import { SLOW_ROOM, SlowReaders } from './slow-readers.js';
import { resolveLimits } from './socket-limits.js';
import type { SocketLimits } from './socket-limits.js';
import type { VerifyToken } from './token-verifier.js';

export interface SocketAdapterOptions {
  readonly io: Server;
  /** Default `/realtime`. */
  readonly namespace?: string;
  readonly locks: TicketLocks;
  readonly verifyToken: VerifyToken;
  readonly limits?: Partial<SocketLimits>;
  /** Default none. Addresses, blocks, `loopback` or `private`: whose `X-Forwarded-For` counts. */
  readonly trustedProxies?: readonly string[];
  /**
   * Default 50. How long changes of an event are gathered before its room hears of them, in
   * milliseconds.
   */
  readonly feedIntervalMs?: number;
  /** Default none: this is the only instance. */
  readonly peers?: Peers;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly log?: AdapterLog;
}

/** Of all instances, a moment late; `refusals` and what is `own` are of this one. */
export interface SocketStats {
  readonly connections: number;
  readonly ownConnections: number;
  readonly connectedUsers: number;
  /** How often each code was answered since the start. */
  readonly refusals: Readonly<Record<LockErrorCode, number>>;
}

/** How long a stop waits at most for requests in work. */
const DRAIN_TIMEOUT_MS = 5000;

/**
 * Ticket locks over socket.io.
 *
 * NEW -> `start` -> RUNNING -> `stop` (requests in work are answered, nothing new is begun, no
 * goodbye is told to the store) -> STOPPED. Closing the `io` server is its owner's work, after
 * `stop`; clients come back by themselves then. No rule lives here: locks, grace and presence are
 * behind `TicketLocks`.
 */
export class SocketAdapter {
  readonly #namespace: RealtimeNamespace;
  readonly #locks: TicketLocks;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #peers: Peers | undefined;
  readonly #peerCounts: PeerCounts;
  readonly #places: ConnectionPlaces;
  readonly #doorkeeper: Doorkeeper;
  readonly #feed: AvailabilityFeed;
  readonly #news: PersonalNews;
  readonly #slowReaders: SlowReaders;
  readonly #context: BuyerSocketContext;
  readonly #buyers = new Map<string, BuyerSocket>();
  readonly #refusals = new Map<LockErrorCode, number>();
  readonly #onChange = (change: LockChange) => {
    this.#feed.onChange(change);
    this.#news.onChange(change);
    this.#context.gate.onChange(change);
  };
  readonly #onStale = (news: StaleNews) => this.#feed.onStale(news);
  #mode: 'new' | 'running' | 'stopping' = 'new';
  #workCount = 0;
  #onIdle: (() => void) | undefined;

  /** Throws `RangeError` or `TypeError` that names the option and its value. */
  constructor(options: SocketAdapterOptions) {
    const { locks, verifyToken, log = silentLog } = options;
    const limits = resolveLimits(options.limits);
    this.#namespace = options.io.of(options.namespace ?? REALTIME_NAMESPACE) as RealtimeNamespace;
    this.#locks = locks;
    this.#clock = options.clock ?? systemClock();
    this.#timers = options.timers ?? systemTimers();
    this.#peers = options.peers;
    this.#peerCounts = new PeerCounts({
      peers: options.peers,
      clock: this.#clock,
      timers: this.#timers,
      onTaken: (key, count) => gate.noteTaken(key, count, this.#clock.nowMs()),
    });
    const gate = new RequestGate(limits, (key) => this.#peerCounts.take(key));
    this.#places = new ConnectionPlaces(limits, this.#peerCounts);
    this.#doorkeeper = new Doorkeeper({
      places: this.#places,
      verifyToken,
      addressOf: clientAddress(options.trustedProxies),
      clock: this.#clock,
      log,
      isOpen: () => this.#mode === 'running',
      onRefused: (code) => this.#count(code),
    });
    this.#feed = this.#createFeed(options.feedIntervalMs ?? 50, log);
    this.#news = this.#createNews();
    this.#slowReaders = new SlowReaders({
      namespace: this.#namespace,
      timers: this.#timers,
      onCaughtUp: (socket) => this.#resynchronise(socket),
    });
    this.#context = {
      locks,
      handlers: requestHandlers({ locks, feed: this.#feed, clock: this.#clock }),
      gate,
      verifyToken,
      clock: this.#clock,
      timers: this.#timers,
      log,
      isStopping: () => this.#mode === 'stopping',
      onRefused: (code) => this.#count(code),
      onWork: (difference) => this.#onWork(difference),
    };
  }

  /** Lets buyers in. */
  start(): void {
    if (this.#mode !== 'new') throw new TypeError(`start needs a new adapter, it is ${this.#mode}`);
    this.#mode = 'running';
    this.#locks.on('change', this.#onChange);
    this.#locks.on('stale', this.#onStale);
    this.#namespace.use((socket, decide) => void this.#admit(socket, decide));
    this.#namespace.on('connection', (socket) => this.#onConnection(socket));
    this.#namespace.adapter.on('delete-room', (room: string) => this.#onEmptyRoom(room));
    this.#slowReaders.start();
    this.#peers?.onMessage((_from, message) => this.#onPeerMessage(message));
    this.#peerCounts.start();
  }

  /** Answers the requests in work, for 5 s at most, and refuses new ones. */
  async stop(): Promise<void> {
    if (this.#mode === 'stopping') return;
    this.#mode = 'stopping';
    await this.#drain();
    this.#locks.off('change', this.#onChange);
    this.#locks.off('stale', this.#onStale);
    this.#feed.stop();
    this.#slowReaders.stop();
    this.#peerCounts.stop();
  }

  stats(): SocketStats {
    const counts = ERROR_CODES.map((code) => [code, this.#refusals.get(code) ?? 0]);
    const elsewhere = new Set<Id>();
    let connections = this.#buyers.size;
    for (const [key, count] of this.#peerCounts.allElsewhere()) {
      const userId = userOfKey(key);
      if (userId === undefined) connections += count;
      else if (this.#places.countOf(userId) === 0) elsewhere.add(userId);
    }
    return {
      connections,
      ownConnections: this.#buyers.size,
      connectedUsers: this.#places.userCount + elsewhere.size,
      refusals: Object.fromEntries(counts) as Record<LockErrorCode, number>,
    };
  }

  /** Tells the user's sockets, on every instance, of what became of an order. */
  forwardOrder(event: 'order-completed' | 'order-cancelled', order: OrderToForward): void {
    this.#news.forwardOrder(event, order);
    this.#peers?.tell({ type: 'order', event, order } satisfies OrderMessage);
  }

  async #admit(socket: RealtimeSocket, decide: (refused?: Error) => void): Promise<void> {
    decide(await this.#doorkeeper.admit(socket));
  }

  #onConnection(socket: RealtimeSocket): void {
    const { admission } = socket.data;
    if (admission === undefined) throw new TypeError('a socket came in without admission');
    void socket.join(userRoom(admission.userId));
    this.#buyers.set(socket.id, new BuyerSocket(socket, admission, this.#context));
    socket.on('disconnect', () => {
      this.#buyers.delete(socket.id);
      this.#slowReaders.forget(socket.id);
    });
  }

  #createFeed(intervalMs: number, log: AdapterLog): AvailabilityFeed {
    return new AvailabilityFeed({
      locks: this.#locks,
      clock: this.#clock,
      timers: this.#timers,
      intervalMs,
      hasWatchers: (eventId) => this.#namespace.adapter.rooms.has(eventRoom(eventId)),
      // Encoded once for the room. Local: every instance has its own feed.
      publish: (update) =>
        this.#namespace.local
          .to(eventRoom(update.eventId))
          .except(SLOW_ROOM)
          .emit('availability-update', update),
      onError: (error) => log.error({ err: error }, 'the availability could not be read'),
    });
  }

  #createNews(): PersonalNews {
    return new PersonalNews({
      clock: this.#clock,
      send: ({ userId, event, news, exceptSocketId }) => {
        const room = userRoom(userId);
        const socketCount = this.#namespace.adapter.rooms.get(room)?.size ?? 0;
        // Nearly always there is only the socket that asked: to encode what nobody gets takes long.
        if (socketCount <= (exceptSocketId === undefined ? 0 : 1)) return;
        const sockets = this.#namespace.local.to(room).except(exceptSocketId ?? []);
        // Safe: `news` is of `event`, which the compiler cannot follow through a type parameter.
        (sockets as Pick<Server, 'emit'>).emit(event, news);
      },
      askerOf: (lock) => this.#askerOf(lock),
    });
  }

  #askerOf(lock: ReleasedLock): string | undefined {
    if (lock.reason !== 'unlocked') return undefined;
    const socketIds = this.#namespace.adapter.rooms.get(userRoom(lock.userId)) ?? [];
    return [...socketIds].find((id) => this.#buyers.get(id)?.releases.take(lock) === true);
  }

  #onPeerMessage(message: unknown): void {
    if (!isOrderMessage(message)) return;
    this.#news.forwardOrder(message.event, message.order);
  }

  #onEmptyRoom(room: string): void {
    const eventId = eventOf(room);
    if (eventId !== undefined) this.#feed.forget(eventId);
  }

  #resynchronise(socket: RealtimeSocket): void {
    for (const room of socket.rooms) {
      const eventId = eventOf(room);
      if (eventId === undefined) continue;
      for (const update of this.#feed.latest(eventId)) socket.emit('availability-update', update);
    }
  }

  #count(code: LockErrorCode): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }

  #onWork(difference: 1 | -1): void {
    this.#workCount += difference;
    if (this.#workCount === 0) this.#onIdle?.();
  }

  async #drain(): Promise<void> {
    if (this.#workCount === 0) return;
    let cancel = () => {};
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      cancel = this.#timers.after(DRAIN_TIMEOUT_MS, resolve);
    });
    cancel();
  }
}

/** What instances tell each other of an order. */
interface OrderMessage {
  readonly type: 'order';
  readonly event: 'order-completed' | 'order-cancelled';
  readonly order: OrderToForward;
}

/** No outsider writes what instances tell each other: the kind is enough. */
function isOrderMessage(message: unknown): message is OrderMessage {
  const isObject = typeof message === 'object' && message !== null && 'type' in message;
  return isObject && message.type === 'order';
}

/** The event whose room it is. */
function eventOf(room: string): Id | undefined {
  const prefix = eventRoom('');
  return room.startsWith(prefix) ? canonicalId(room.slice(prefix.length)) : undefined;
}
