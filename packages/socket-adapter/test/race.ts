import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import type { Id, LockChange, TicketLocks } from '@ticket-locks/lock-engine';
import { ManualClock, settled } from '@ticket-locks/lock-engine/testing';
import type fc from 'fast-check';
import { expect } from 'vitest';

import { AvailabilityFeed } from '../src/availability-feed.js';
import { BuyerSocket } from '../src/buyer-socket.js';
import type { BuyerSocketContext } from '../src/buyer-socket.js';
import { RequestGate } from '../src/request-gate.js';
import { requestHandlers } from '../src/request-handlers.js';
import { resolveLimits } from '../src/socket-limits.js';
import { ScriptedSocket } from './scripted-socket.js';

const CAPACITY = 3;
export const GRACE_MS = 5000;
export const TTL_MS = 20_000;
const NAME = { eventId: 1, categoryId: 1 };
/** Calls whose way there and back may take any time, and overtake others. */
const SCHEDULED = [
  'confirm',
  'extend',
  'leaveSession',
  'lock',
  'locksOfUser',
  'openSession',
  'release',
  'resumeSession',
  'unlock',
] as const;

/** Makes the store wrong, to see whether a race finds it. */
export type Plant = (locks: LocalTicketLocks) => void;

/**
 * One user with several tabs, the orders service and the clock, all at the same time: a scheduler
 * decides what reaches the store when. The store is the real one, in virtual time.
 */
export class Race {
  readonly clock = new ManualClock(1_000_000);
  readonly #scheduler: fc.Scheduler;
  readonly #locks: LocalTicketLocks;
  readonly #slowLocks: TicketLocks;
  readonly #context: BuyerSocketContext;
  readonly #sockets: ScriptedSocket[] = [];
  readonly #tabs = new Map<number, ScriptedSocket>();
  /** Tickets of each lock that is active or sold, as the changes tell. */
  readonly #taken = new Map<string, number>();
  readonly #sessionIds = new Map<string, string>();
  /** Sockets of each session, as the store was told. */
  readonly #socketCounts = new Map<string, number>();
  readonly #confirmed: string[] = [];
  readonly faults: string[] = [];

  private constructor(scheduler: fc.Scheduler, plant: Plant) {
    this.#scheduler = scheduler;
    this.#locks = new LocalTicketLocks({
      source: { load: async () => ({ categories: [{ categoryId: 1, capacity: CAPACITY }] }) },
      policy: { ttlMs: TTL_MS, expiringNoticeMs: 0 },
      disconnectGraceMs: GRACE_MS,
      clock: this.clock,
      timers: this.clock,
    });
    this.#locks.on('change', (change) => this.#onChange(change));
    plant(this.#locks);
    this.#slowLocks = this.#slow(this.#locks);
    this.#context = this.#createContext();
  }

  static async start(scheduler: fc.Scheduler, plant: Plant = () => {}): Promise<Race> {
    const race = new Race(scheduler, plant);
    await race.#locks.start();
    return race;
  }

  /** Opens the tab, or loads its page again; with the session of the browser, if it has one. */
  come(tab: number): void {
    this.lose(tab);
    const heard = this.#sockets.flatMap((socket) => socket.heard);
    const connected = heard.findLast(({ event }) => event === 'connected');
    const { resumeToken } = (connected?.payload ?? {}) as { resumeToken?: string };
    const socket = new ScriptedSocket(`socket-${this.#sockets.length}`);
    const place = { takeForUser: () => 0, giveBack: () => {} };
    const admission = { userId: 'buyer', tokenExpiresAtMs: 1e12, ip: '::1', resumeToken, place };
    this.#sockets.push(socket);
    this.#tabs.set(tab, socket);
    void new BuyerSocket(socket.asSocket, admission, this.#context);
  }

  lose(tab: number): void {
    this.#tabs.get(tab)?.end('transport close');
  }

  goodbye(tab: number): void {
    this.#tabs.get(tab)?.end('client namespace disconnect');
  }

  lock(tab: number, quantity = 2): void {
    this.#ask(tab, 'lock-tickets', { ...NAME, quantity, onExisting: 'set' });
  }

  unlock(tab: number): void {
    this.#ask(tab, 'unlock-tickets', NAME);
  }

  /** The orders service confirms, or gives up, the newest lock that was granted. */
  decide(verb: 'confirm' | 'release'): void {
    const lockId = this.#grantedLockIds().at(-1);
    if (lockId === undefined) return;
    void this.#decide(verb, lockId);
  }

  pass(ms: number): void {
    this.clock.advance(ms);
  }

  /** Lets one thing that waits happen. */
  async step(name: string): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve(), name);
  }

  /** Runs the steps, each somewhere between what the earlier ones have set going. */
  async run(steps: readonly (readonly [name: string, step: () => void])[]): Promise<void> {
    const script = async () => {
      for (const [name, step] of steps) {
        await this.step(name);
        step();
      }
    };
    await this.#scheduler.waitFor(script());
    await this.idle();
  }

  async idle(): Promise<void> {
    do {
      await this.#scheduler.waitIdle();
      await settled();
    } while (this.#scheduler.count() > 0);
  }

  /** Everybody goes; what must be true of any race afterwards. */
  async finish(): Promise<void> {
    for (const tab of this.#tabs.keys()) this.lose(tab);
    await this.idle();
    this.pass(GRACE_MS);
    await this.idle();
    const requests = this.#sockets.flatMap((socket) => socket.requests);
    expect(requests.filter(({ answers }) => answers.length !== 1)).toEqual([]);
    const { activeLocks } = await this.#locks.stats();
    expect(activeLocks).toBe(0);
    const sold = [...this.#taken.values()].reduce((sum, quantity) => sum + quantity, 0);
    const outcome = await this.#locks.availability(1);
    expect(outcome).toMatchObject({
      value: { categories: [{ locked: 0, sold, available: CAPACITY - sold }] },
    });
    expect([...this.#taken.keys()].sort()).toEqual(this.soldLockIds());
    expect(this.faults).toEqual([]);
    await this.#locks.stop();
  }

  /** Locks whose confirm was answered with yes and that the order did not give back. */
  soldLockIds(): string[] {
    return [...new Set(this.#confirmed)].filter((lockId) => this.#taken.has(lockId)).sort();
  }

  async #decide(verb: 'confirm' | 'release', lockId: string): Promise<void> {
    const outcome = await this.#slowLocks[verb]({ lockId, orderId: 7 });
    if (outcome.ok && verb === 'confirm') this.#confirmed.push(lockId);
  }

  #ask(tab: number, event: string, payload: object): void {
    const socket = this.#tabs.get(tab);
    if (socket?.connected === true) socket.ask(event, payload);
  }

  #grantedLockIds(): string[] {
    return this.#sockets
      .flatMap(({ requests }) => requests)
      .filter(({ event }) => event === 'lock-tickets')
      .flatMap(({ answers }) => answers)
      .filter(({ success }) => success === true)
      .map(({ lockId }) => String(lockId));
  }

  #slow(locks: LocalTicketLocks): TicketLocks {
    const slow = Object.create(locks) as TicketLocks;
    for (const name of SCHEDULED) {
      const call = locks[name].bind(locks) as (argument: never) => Promise<unknown>;
      const scheduled = async (argument: never) => {
        await this.step(`${name} arrives`);
        const outcome = await this.#counted(name, argument, () => call(argument));
        await this.step(`${name} is answered`);
        return outcome;
      };
      Object.defineProperty(slow, name, { value: scheduled });
    }
    for (const name of ['availability', 'on', 'off'] as const) {
      Object.defineProperty(slow, name, { value: locks[name].bind(locks) });
    }
    return slow;
  }

  async #counted(name: string, argument: unknown, call: () => Promise<unknown>): Promise<unknown> {
    if (name === 'leaveSession') this.#count((argument as { sessionId: string }).sessionId, -1);
    const result = await call();
    if (name === 'openSession' || name === 'resumeSession') {
      const { value } = result as { value?: { sessionId: string } };
      if (value !== undefined) this.#count(value.sessionId, 1);
    }
    return result;
  }

  #count(sessionId: string, difference: 1 | -1): void {
    this.#socketCounts.set(sessionId, (this.#socketCounts.get(sessionId) ?? 0) + difference);
  }

  #onChange(change: LockChange): void {
    if (change.type === 'locked') this.#sessionIds.set(change.lockId, change.sessionId);
    if (change.type === 'locked' || change.type === 'quantity-changed') {
      this.#taken.set(change.lockId, change.quantity);
    }
    if (change.type === 'released' || change.type === 'expired') this.#taken.delete(change.lockId);
    if (change.type === 'released' && change.reason === 'disconnected') this.#judge(change.lockId);
    const sum = [...this.#taken.values()].reduce((total, quantity) => total + quantity, 0);
    if (sum > CAPACITY) this.faults.push(`${sum} tickets are taken`);
  }

  /** Only a session without sockets gives its locks back by itself. */
  #judge(lockId: string): void {
    const socketCount = this.#socketCounts.get(this.#sessionIds.get(lockId) ?? '') ?? 0;
    if (socketCount !== 0) this.faults.push(`released with ${socketCount} sockets`);
  }

  #createContext(): BuyerSocketContext {
    const { clock } = this;
    const note = (_facts: object, message: string) => this.faults.push(message);
    const silent = () => {};
    const log = { debug: silent, info: silent, warn: silent, error: note };
    const feed = new AvailabilityFeed({
      locks: this.#slowLocks,
      clock,
      timers: clock,
      intervalMs: 50,
      hasWatchers: () => false,
      publish: silent,
      onError: (error) => this.faults.push(String(error)),
    });
    return {
      locks: this.#slowLocks,
      handlers: requestHandlers({ locks: this.#slowLocks, feed, clock }),
      gate: new RequestGate(
        resolveLimits({ lockRequestsPerUserPerMinute: 0, messagesPerSocketPerSecond: 0 }),
      ),
      verifyToken: async () => ({ userId: 'buyer' satisfies Id, expiresAtMs: 1e12 }),
      clock,
      timers: clock,
      log,
      isStopping: () => false,
      onRefused: silent,
      onWork: silent,
    };
  }
}
