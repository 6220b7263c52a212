import type { Timers, TicketLocksEvents } from '@ticket-locks/lock-engine';
import { EventEmitter } from 'eventemitter3';

type Listener = (fact: unknown) => void;

/**
 * Tells listeners what happened. One that throws harms nobody else: what it threw surfaces in a
 * timer, as its owner's bug.
 */
export class StoreNews {
  readonly #timers: Timers;
  readonly #emitter = new EventEmitter<keyof TicketLocksEvents>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  on<Name extends keyof TicketLocksEvents>(name: Name, listener: TicketLocksEvents[Name]): void {
    this.#emitter.on(name, listener);
  }

  off<Name extends keyof TicketLocksEvents>(name: Name, listener: TicketLocksEvents[Name]): void {
    this.#emitter.off(name, listener);
  }

  tell<Name extends keyof TicketLocksEvents>(
    name: Name,
    fact: Parameters<TicketLocksEvents[Name]>[0],
  ): void {
    for (const listener of this.#emitter.listeners(name) as Listener[]) {
      try {
        listener(fact);
      } catch (error) {
        this.#timers.after(0, () => {
          throw error;
        });
      }
    }
  }
}
