import type { ServiceProcess } from '../service-process.js';
import { auditEvent, auditLocks } from './audit.js';
import type { Caller } from './caller.js';
import { ReturningBuyer } from './returning-buyer.js';
import { visit } from './visit.js';
import type { Visit } from './visit.js';

export interface KillRoundsOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly random: (below: number) => number;
  readonly caller: Caller;
  /** The service that runs now; another one after each kill. */
  readonly service: () => ServiceProcess;
  readonly victim: Victim;
  /** The kill comes within this time after the first answer. */
  readonly killWithinMs: number;
}

interface Victim {
  /** Resolves when it is dead. */
  killAfter(delayMs: number): Promise<void>;
  /** Resolves when it is there again. */
  restart(): Promise<void>;
}

export interface KillReport {
  readonly rounds: number;
  readonly visits: number;
  readonly confirmed: number;
  /** Requests of orders that were under way at a kill, and of buyers that had to be sent again. */
  readonly interrupted: number;
  readonly problems: readonly string[];
}

const BUYERS = 24;

/** What round number `round` sells: small enough to be sold out now and then. */
export function eventsOfRounds(rounds: number) {
  return Array.from({ length: rounds }, (_, index) => ({
    eventId: index + 1,
    name: `Round ${index + 1}`,
    categories: [
      { categoryId: 1, name: 'Stalls', capacity: 100 },
      { categoryId: 2, name: 'Box', capacity: 40 },
    ],
  }));
}

/**
 * Lets two dozen buyers and their orders go on while something is killed at a random moment, waits
 * until all of them have their final answers, and compares. Each round has an event of its own.
 */
export async function killRounds(options: KillRoundsOptions): Promise<KillReport> {
  const { rounds, seed, caller } = options;
  const problems: string[] = [];
  const all: Visit[][] = [];
  let interrupted = 0;
  for (let round = 1; round <= rounds; round += 1) {
    const load = new Load(options, round);
    await load.runThroughTheKill();
    interrupted += load.interruptedCount;
    all.push(load.visits);
    const found = await auditEvent(caller, round, load.visits);
    problems.push(...found.map((problem) => `seed ${seed}, round ${round}: ${problem}`));
  }
  // What was told long ago still is so.
  for (const [index, visits] of all.entries()) {
    const found = await auditLocks(caller, visits);
    problems.push(...found.map((problem) => `seed ${seed}, ${index + 1} at the end: ${problem}`));
  }
  const visits = all.flat();
  const confirmed = visits.filter(({ end }) => end === 'confirmed').length;
  return { rounds, visits: visits.length, confirmed, interrupted, problems };
}

/** The buyers of one round. */
class Load {
  readonly visits: Visit[] = [];
  readonly #options: KillRoundsOptions;
  readonly #round: number;
  readonly #buyers: readonly ReturningBuyer[];
  readonly #hasBegun: Promise<void>;
  #begin = () => {};
  /** Whoever is under way finishes, and nobody begins anew. */
  #isKilled = false;
  #underWay = 0;
  #interrupted = 0;

  constructor(options: KillRoundsOptions, round: number) {
    this.#options = options;
    this.#round = round;
    this.#buyers = Array.from(
      { length: BUYERS },
      (_, index) => new ReturningBuyer(round * 1000 + index, options.service),
    );
    this.#hasBegun = new Promise((resolve) => (this.#begin = resolve));
  }

  /** Resolves when everybody has his final answers. */
  async runThroughTheKill(): Promise<void> {
    const busy = this.#buyers.map((buyer) => this.#comeAgainAndAgain(buyer));
    await Promise.all([this.#killOnce(), ...busy]);
    for (const buyer of this.#buyers) buyer.leave();
  }

  get interruptedCount(): number {
    return this.#buyers.reduce((sum, { repeatedCount }) => sum + repeatedCount, this.#interrupted);
  }

  async #killOnce(): Promise<void> {
    const { victim, random, killWithinMs } = this.#options;
    await this.#hasBegun;
    await victim.killAfter(random(killWithinMs));
    this.#isKilled = true;
    this.#interrupted = this.#underWay;
    await victim.restart();
  }

  async #comeAgainAndAgain(buyer: ReturningBuyer): Promise<void> {
    const { random } = this.#options;
    const caller = this.#counting(this.#options.caller);
    const eventId = this.#round;
    for (let count = 1; !this.#isKilled; count += 1) {
      const name = `${buyer.userId}-${count}`;
      const done = await visit({ buyer, caller, eventId, name, random });
      this.#begin();
      if (done !== undefined) this.visits.push(done);
    }
  }

  #counting(caller: Caller): Caller {
    return {
      send: (request, onAnswer) => {
        this.#underWay += 1;
        caller.send(request, (answer) => {
          this.#underWay -= 1;
          onAnswer(answer);
        });
      },
    };
  }
}
