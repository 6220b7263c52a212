import type { Timers } from '@ticket-locks/lock-engine';

/** `stopped`: the pause was cut short, and what was waited for is somebody else's by now. */
export type PauseEnd = 'over' | 'stopped';

/** Pauses that can all be cut short. OPEN -> `stop` -> STOPPED, where no pause lasts any more. */
export class Pauses {
  readonly #timers: Timers;
  readonly #ends = new Set<(how: PauseEnd) => void>();
  #isStopped = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  wait(pauseMs: number): Promise<PauseEnd> {
    if (this.#isStopped) return Promise.resolve('stopped');
    return new Promise((resolve) => {
      let cancel = () => {};
      const end = (how: PauseEnd) => {
        this.#ends.delete(end);
        cancel();
        resolve(how);
      };
      this.#ends.add(end);
      cancel = this.#timers.after(pauseMs, () => end('over'));
    });
  }

  /** Cuts the present pauses short. */
  release(): void {
    for (const end of this.#ends) end('stopped');
  }

  stop(): void {
    this.#isStopped = true;
    this.release();
  }
}
