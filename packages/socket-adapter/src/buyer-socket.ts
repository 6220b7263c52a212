import type { Clock, Id, LockError, Outcome, TicketLocks, Timers } from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';
import { iso, myLock } from './answers.js';
import { AskedReleases } from './asked-releases.js';
import { BuyerSession } from './buyer-session.js';
import { ANSWER_EVENTS, eventRoom } from './protocol.js';
import type { AvailabilityUpdate, Refusal, RequestEvent } from './protocol.js';
import type { Admission, RealtimeSocket } from './realtime-socket.js';
import { messageOf, refusal } from './refusals.js';
import { isMutating } from './request-gate.js';
import type { RequestGate } from './request-gate.js';
import type { Buyer, RequestHandlers } from './request-handlers.js';
import { readClaims, readRequest } from './request-reader.js';
import { TokenLife } from './token-life.js';
import { TokenRefusedError } from './token-verifier.js';
import type { VerifyToken } from './token-verifier.js';

/** What all sockets of one adapter share. */
export interface BuyerSocketContext {
  readonly locks: TicketLocks;
  readonly handlers: RequestHandlers;
  readonly gate: RequestGate;
  readonly verifyToken: VerifyToken;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: AdapterLog;
  /** The server goes down: nothing new is begun, and the store is told of no goodbye. */
  readonly isStopping: () => boolean;
  readonly onRefused: (code: LockError['code']) => void;
  /** Called around each request, so that a stop can wait for those in work. */
  readonly onWork: (difference: 1 | -1) => void;
}

/** Who goes on after so many refused messages in a row does not listen, and is hung up on. */
const FLOOD_MAX = 1000;

type Acknowledge = (answer: unknown) => void;
type Answered = readonly [answer: object, news?: readonly AvailabilityUpdate[] | undefined];

/**
 * One connection of a buyer.
 *
 * CONNECTED (requests wait until the session is open) -> GONE, when the socket disconnects for
 * whatever reason. Every request gets one answer: by its callback, else as the named event. When
 * the token ends, requests that change something are refused until a new one comes; without one the
 * socket is closed after a while.
 */
export class BuyerSocket implements Buyer {
  readonly userId: Id;
  readonly releases = new AskedReleases();
  readonly #socket: RealtimeSocket;
  readonly #admission: Admission;
  readonly #context: BuyerSocketContext;
  readonly #session: BuyerSession;
  readonly #token: TokenLife;
  #floodCount = 0;

  constructor(socket: RealtimeSocket, admission: Admission, context: BuyerSocketContext) {
    const { locks, log, clock, timers } = context;
    const { userId, resumeToken, tokenExpiresAtMs } = admission;
    this.userId = userId;
    this.#socket = socket;
    this.#admission = admission;
    this.#context = context;
    // Every event, known or not, with or without a callback: a client never waits for nothing.
    socket.onAny((event: unknown, ...args: unknown[]) => this.#onMessage(event, args));
    socket.on('disconnect', (reason) => this.#onDisconnect(reason));
    this.#token = new TokenLife({
      clock,
      timers,
      expiresAtMs: tokenExpiresAtMs,
      onEnded: () => this.#sendError({ code: 'UNAUTHORIZED' }),
      // For good: a client that came back by itself would bring the same token.
      onOver: () => void socket.disconnect(true),
    });
    this.#session = new BuyerSession({ locks, log, userId, resumeToken });
    void this.#greet();
  }

  get sessionId(): string {
    if (this.#session.opened === undefined) throw new TypeError('the session is not open');
    return this.#session.opened.sessionId;
  }

  joinRoom(eventId: Id): boolean {
    const room = eventRoom(eventId);
    const isNew = !this.#socket.rooms.has(room);
    void this.#socket.join(room);
    return isNew;
  }

  leaveRoom(eventId: Id): void {
    void this.#socket.leave(eventRoom(eventId));
  }

  async refreshToken(token: string): Promise<Outcome<number>> {
    try {
      const { userId, expiresAtMs } = await this.#context.verifyToken(token);
      if (userId !== this.userId) return { ok: false, error: { code: 'FORBIDDEN' } };
      if (this.#socket.connected) this.#token.renew(expiresAtMs);
      return { ok: true, value: expiresAtMs };
    } catch (error) {
      const code = error instanceof TokenRefusedError ? error.code : 'UNAVAILABLE';
      return { ok: false, error: { code } };
    }
  }

  async #greet(): Promise<void> {
    const { locks, clock, log } = this.#context;
    const outcome = await this.#session.opening;
    if (!outcome.ok) {
      this.#sendError(outcome.error);
      // The transport, not the socket: a client tries again by itself.
      this.#socket.conn.close();
      return;
    }
    this.#socket.emit('connected', {
      success: true,
      ...outcome.value,
      userId: this.userId,
      serverTime: iso(clock.nowMs()),
      message: 'Connected to realtime service',
    });
    try {
      const mine = await locks.locksOfUser(this.userId);
      this.#socket.emit('my-locks-response', { locks: mine.map(myLock) });
    } catch (error) {
      log.error({ err: error }, 'the locks of a user could not be read');
    }
  }

  #onDisconnect(reason: string): void {
    this.#token.stop();
    this.#admission.place.giveBack();
    if (this.#context.isStopping()) return;
    this.#session.leave(reason === 'client namespace disconnect' ? 'goodbye' : 'lost');
  }

  #onMessage(event: unknown, args: readonly unknown[]): void {
    const last = args.at(-1);
    const acknowledge = typeof last === 'function' ? (last as Acknowledge) : undefined;
    const payload = args[0] === acknowledge ? undefined : args[0];
    if (isRequestEvent(event)) void this.#work(event, payload, acknowledge);
    else this.#refuseUnknown(event, acknowledge);
  }

  async #work(
    event: RequestEvent,
    payload: unknown,
    acknowledge: Acknowledge | undefined,
  ): Promise<void> {
    const { onWork, log } = this.#context;
    onWork(1);
    try {
      const [answer, news = []] = await this.#answerTo(event, payload);
      if (acknowledge !== undefined) acknowledge(answer);
      // Safe: every handler answers with the answer of its own event.
      else this.#socket.emit(ANSWER_EVENTS[event], answer as never);
      for (const update of news) this.#socket.emit('availability-update', update);
    } catch (error) {
      log.error({ err: error, event }, 'an answer could not be sent');
    } finally {
      onWork(-1);
    }
  }

  async #answerTo(event: RequestEvent, payload: unknown): Promise<Answered> {
    const { handlers, isStopping, log } = this.#context;
    const { userId: claimedUserId, requestId } = readClaims(payload);
    const refuse = (error: LockError): Answered => [this.#refuse(event, error, requestId)];
    try {
      const early = this.#refuseEarly(event, claimedUserId);
      if (early !== undefined) return refuse(early);
      const read = readRequest(event, payload);
      if (!read.ok) return refuse({ code: 'INVALID_REQUEST', field: read.field });
      // While it opens only: afterwards what reaches the store reaches it in the order of arrival.
      if (this.#session.opened === undefined) {
        const opening = await this.#session.opening;
        if (!opening.ok) return refuse(opening.error);
      }
      if (isStopping()) return refuse({ code: 'UNAVAILABLE' });
      // Safe: what was read for the event goes to the handler of the same event.
      const handled = await handlers[event](this, read.request as never);
      if (!handled.ok) return refuse(handled.error);
      const { value, news } = handled;
      return [requestId === undefined ? value : { ...value, requestId }, news];
    } catch (error) {
      log.error({ err: error, event }, 'a request failed');
      return refuse({ code: isMutating(event) ? 'OUTCOME_UNKNOWN' : 'UNAVAILABLE' });
    }
  }

  #refuseEarly(
    event: RequestEvent | undefined,
    claimedUserId: Id | undefined,
  ): LockError | undefined {
    const { gate, clock } = this.#context;
    const nowMs = clock.nowMs();
    const error = gate.refuse({
      event,
      nowMs,
      socketId: this.#socket.id,
      ip: this.#admission.ip,
      userId: this.userId,
      claimedUserId,
      hasTokenEnded: this.#token.hasEnded(nowMs),
    });
    this.#floodCount = error?.code === 'RATE_LIMITED' ? this.#floodCount + 1 : 0;
    if (this.#floodCount === FLOOD_MAX) this.#socket.conn.close(true);
    return error;
  }

  #refuseUnknown(event: unknown, acknowledge: Acknowledge | undefined): void {
    const error: LockError = this.#refuseEarly(undefined, undefined) ?? {
      code: 'INVALID_REQUEST',
      field: 'event',
    };
    const name = String(event).slice(0, 64);
    if (acknowledge === undefined) this.#sendError(error, name);
    else acknowledge(this.#refuse(name, error, undefined));
  }

  #refuse(event: string, error: LockError, requestId: string | undefined): Refusal {
    const { onRefused, log } = this.#context;
    const level = error.code === 'FORBIDDEN' ? 'warn' : 'debug';
    onRefused(error.code);
    log[level]({ event, userId: this.userId, code: error.code }, 'a request is refused');
    return refusal(error, requestId);
  }

  #sendError(error: LockError, event?: string): void {
    this.#context.onRefused(error.code);
    const message = messageOf(error);
    this.#socket.emit('error', {
      code: error.code,
      message,
      ...(event !== undefined && { event }),
    });
  }
}

function isRequestEvent(event: unknown): event is RequestEvent {
  return typeof event === 'string' && Object.hasOwn(ANSWER_EVENTS, event);
}
