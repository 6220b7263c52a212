import type { Timers } from '@ticket-locks/lock-engine';

export interface StalledPlacesOptions {
  readonly timers: Timers;
  /** Asks what is at a place whether it answers; rejects when it does not. */
  readonly probe: (place: string) => Promise<unknown>;
}

/** How often a place that let a call wait too long is asked whether it answers again. */
const PROBE_MS = 100;

/** Where a call waited too long, so that nobody else waits there until it answers a probe. */
export class StalledPlaces {
  readonly #options: StalledPlacesOptions;
  readonly #cancelProbes = new Map<string, () => void>();
  #isClosed = false;

  constructor(options: StalledPlacesOptions) {
    this.#options = options;
  }

  has(place: string): boolean {
    return this.#cancelProbes.has(place);
  }

  add(place: string): void {
    if (!this.#isClosed && !this.has(place)) this.#probeLater(place);
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#cancelProbes.values()) cancel();
    this.#cancelProbes.clear();
  }

  #probeLater(place: string): void {
    const { timers } = this.#options;
    this.#cancelProbes.set(
      place,
      timers.after(PROBE_MS, () => void this.#probe(place)),
    );
  }

  async #probe(place: string): Promise<void> {
    try {
      await this.#options.probe(place);
      this.#cancelProbes.delete(place);
    } catch {
      if (!this.#isClosed) this.#probeLater(place);
    }
  }
}
