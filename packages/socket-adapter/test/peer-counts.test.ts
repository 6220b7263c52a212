import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { describe, expect, test } from 'vitest';

import { ConnectionPlaces } from '../src/connection-places.js';
import { ipKey, PeerCounts, userKey, userOfKey } from '../src/peer-counts.js';
import type { Peers } from '../src/peers.js';
import { RequestGate } from '../src/request-gate.js';
import { resolveLimits } from '../src/socket-limits.js';

const LIMITS = resolveLimits({
  connectionsPerUserMax: 2,
  connectionsPerIpMax: 3,
  lockRequestsPerUserPerMinute: 2,
  lockRequestsPerIpPerMinute: 3,
});

/** Instances that hear each other, unless a message is lost. */
class Bus {
  readonly clock = new ManualClock();
  readonly #listeners = new Map<string, ((from: string, message: unknown) => void)[]>();
  isLosing = false;

  join(name: string) {
    const { clock } = this;
    const listeners: ((from: string, message: unknown) => void)[] = [];
    this.#listeners.set(name, listeners);
    const peers: Peers = {
      tell: (message) => this.#send(name, JSON.stringify(message)),
      onMessage: (listener) => void listeners.push(listener),
    };
    const counts: PeerCounts = new PeerCounts({
      peers,
      clock,
      timers: clock,
      onTaken: (key, count) => gate.noteTaken(key, count, clock.nowMs()),
    });
    const gate = new RequestGate(LIMITS, (key) => counts.take(key));
    counts.start();
    const places = new ConnectionPlaces(LIMITS, counts);
    return {
      counts,
      /** Lets a socket of the user in, and returns how it leaves, or nothing when it is refused. */
      enter: (userId: number, ip = '10.0.0.1') => {
        const taken = places.take(ip, clock.nowMs());
        if (!taken.ok) return undefined;
        if (taken.place.takeForUser(userId) === 0) return () => taken.place.giveBack();
        taken.place.giveBack();
        return undefined;
      },
      mayLock: (userId: number, ip = '10.0.0.1') =>
        gate.refuse({
          event: 'lock-tickets',
          nowMs: clock.nowMs(),
          socketId: 's',
          ip,
          userId,
          claimedUserId: undefined,
          hasTokenEnded: false,
        }) === undefined,
    };
  }

  /** An instance that dies says nothing any more, and hears nothing. */
  kill(name: string): void {
    this.#listeners.delete(name);
  }

  #send(from: string, json: string): void {
    if (this.isLosing || !this.#listeners.has(from)) return;
    for (const [name, listeners] of this.#listeners) {
      if (name === from) continue;
      for (const listener of listeners) listener(from, JSON.parse(json));
    }
  }
}

function twoInstances() {
  const bus = new Bus();
  return { bus, clock: bus.clock, first: bus.join('first'), second: bus.join('second') };
}

describe('instances together', () => {
  test("limit a user's and an address's sockets, and free the places of those who left", () => {
    const { clock, first, second } = twoInstances();
    const leave = first.enter(1);
    first.enter(1, '10.0.0.2');
    clock.advance(25);
    expect(second.enter(1, '10.0.0.3')).toBeUndefined();
    expect(second.enter(2)).toBeDefined();
    leave?.();
    clock.advance(25);
    expect(second.enter(1, '10.0.0.3')).toBeDefined();
    for (const userId of [3, 4]) expect(first.enter(userId)).toBeDefined();
    clock.advance(25);
    expect(second.enter(5)).toBeUndefined();
  });

  test('limit how often a user and an address lock', () => {
    const { clock, first, second } = twoInstances();
    expect(first.mayLock(1)).toBe(true);
    clock.advance(25);
    expect(second.mayLock(1)).toBe(true);
    clock.advance(25);
    expect([first.mayLock(1), second.mayLock(1)]).toEqual([false, false]);
    expect(second.mayLock(2)).toBe(true);
    clock.advance(25);
    expect([first.mayLock(3), second.mayLock(3, '10.0.0.9')]).toEqual([false, true]);
    clock.advance(60_000);
    expect(first.mayLock(1)).toBe(true);
  });

  test('tell one that comes later of everybody', () => {
    const { bus, clock, first, second } = twoInstances();
    first.enter(1);
    second.enter(2, '10.0.0.2');
    clock.advance(1000);
    const third = bus.join('third');
    clock.advance(25);
    expect(new Map(third.counts.allElsewhere())).toEqual(
      new Map([
        [ipKey('10.0.0.1'), 1],
        [ipKey('10.0.0.2'), 1],
        [userKey(1), 1],
        [userKey(2), 1],
      ]),
    );
  });

  test('make up for what was lost', () => {
    const { bus, clock, first, second } = twoInstances();
    const leave = first.enter(1);
    clock.advance(25);
    bus.isLosing = true;
    leave?.();
    first.enter(2);
    clock.advance(25);
    bus.isLosing = false;
    expect(second.counts.elsewhere(userKey(1))).toBe(1);
    clock.advance(1100);
    expect([1, 2].map((user) => second.counts.elsewhere(userKey(user)))).toEqual([0, 1]);
  });

  test('forget at once who goes, and after a while who is silent', () => {
    const { bus, clock, first, second } = twoInstances();
    const third = bus.join('third');
    first.enter(1);
    third.enter(3);
    clock.advance(1000);
    bus.kill('first');
    third.counts.stop();
    expect([1, 3].map((user) => second.counts.elsewhere(userKey(user)))).toEqual([1, 0]);
    clock.advance(4000);
    expect(second.counts.elsewhere(userKey(1))).toBe(1);
    clock.advance(2000);
    expect(second.counts.elsewhere(userKey(1))).toBe(0);
  });
});

test('an instance alone keeps no counts and no timer', () => {
  const clock = new ManualClock();
  const counts = new PeerCounts({ peers: undefined, clock, timers: clock, onTaken: () => {} });
  counts.start();
  counts.set('a', 1);
  counts.take('a');
  clock.advance(10_000);
  counts.stop();
  expect([...counts.allElsewhere()]).toEqual([]);
});

test('users are told from addresses by their keys', () => {
  expect([12, '007', 'user:1'].map((userId) => userOfKey(userKey(userId)))).toEqual([
    12,
    '007',
    'user:1',
  ]);
  expect(userOfKey(ipKey('user:1'))).toBeUndefined();
});
