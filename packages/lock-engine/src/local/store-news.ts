import { EventEmitter } from 'eventemitter3';

import type { Timers } from '../ports/clock.js';
import type { TicketLocksEvents } from '../ports/ticket-locks.js';

type Name = keyof TicketLocksEvents;
type Listener = (...facts: unknown[]) => void;

/**
 * Tells listeners what happened.
 *
 * One that throws stops neither the others nor the store: what it threw is thrown again in a timer
 * of its own, where the platform takes it for an uncaught error of the listener's owner.
 */
export class StoreNews {
  readonly #emitter = new EventEmitter<Name>();
  readonly #timers: Timers;
  /** What was put around each listener, so that it can be taken off again. */
  readonly #guarded = new WeakMap<Listener, Listener>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  on<Event extends Name>(name: Event, listener: TicketLocksEvents[Event]): void {
    this.#emitter.on(name, this.#guard(listener as Listener));
  }

  off<Event extends Name>(name: Event, listener: TicketLocksEvents[Event]): void {
    this.#emitter.off(name, this.#guard(listener as Listener));
  }

  tell<Event extends Name>(name: Event, fact: Parameters<TicketLocksEvents[Event]>[0]): void {
    this.#emitter.emit(name, fact);
  }

  #guard(listener: Listener): Listener {
    const known = this.#guarded.get(listener);
    if (known !== undefined) return known;
    const guarded: Listener = (...facts) => {
      try {
        listener(...facts);
      } catch (error) {
        this.#timers.after(0, () => {
          throw error;
        });
      }
    };
    this.#guarded.set(listener, guarded);
    return guarded;
  }
}
