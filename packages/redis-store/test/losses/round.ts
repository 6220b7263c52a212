import { DEFAULT_LOCK_POLICY } from '@ticket-locks/lock-engine';
import { SeededRandom } from '@ticket-locks/lock-engine/testing';
import { expect, vi } from 'vitest';

import { routeOf } from '../../src/event-key.js';
import { audit } from './audit.js';
import { Buyer } from './buyer.js';
import { Caller } from './caller.js';
import { disturb } from './disturbances.js';
import type { Fault } from './faults.js';
import type { Evidence, Verdict } from './journal.js';
import { problemReport } from './problem-report.js';
import { quietProblems, repeatedSales, verdictsOf } from './quiet.js';
import { nowMs, pause } from './real-time.js';
import { PROBE_EVENT, STOCK, STORE_COUNT, World } from './world.js';

export interface RoundResult {
  readonly seed: number;
  /** What was done to Redis. */
  readonly what: string;
  /** A line each. */
  readonly problems: readonly string[];
  /** From the end of the fault to the first grant, for each store. */
  readonly firstGrantMs: readonly number[];
  readonly figures: Readonly<Record<'grants' | 'sales' | 'lost' | 'epochs' | 'unknown', number>>;
}

const BUYERS = 14;
/** Grants after which the load is under way. */
const BUSY = 20;
const WARM_UP_MS = [100, 400] as const;
const AFTERWARDS_MS = [50, 250] as const;
const UNANSWERED_MS = 20_000;
const LOOK_MS = 12;

/** Sells under load, breaks Redis meanwhile, waits until all is well again, and audits. */
export async function runRound(fault: Fault, seed: number): Promise<RoundResult> {
  const random = new SeededRandom(seed);
  const { server, hasReplica } = fault;
  const policy = {
    ttlMs: random.pick([250, 800, 3_000, 60_000]),
    paymentTtlMs: random.pick([400, 2_000]),
    lateConfirm: random.pick(['reject', 'if-available'] as const),
    expiringNoticeMs: 0,
  };
  const world = await World.open({ policy, server, hasReplica });
  try {
    return await new Round(world, { ...DEFAULT_LOCK_POLICY, ...policy }, random).run(fault, seed);
  } finally {
    await world.close();
  }
}

class Round {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #policy: typeof DEFAULT_LOCK_POLICY;
  readonly #caller: Caller;
  #isStruck = false;
  #closedAtMs = Infinity;
  #isOver = false;

  constructor(world: World, policy: typeof DEFAULT_LOCK_POLICY, random: SeededRandom) {
    this.#world = world;
    this.#policy = policy;
    this.#random = random;
    this.#caller = new Caller(world.stores, world.journal);
  }

  async run(fault: Fault, seed: number): Promise<RoundResult> {
    const watching = [this.#watchLedger(), this.#watchFigures()];
    const { what, firstGrantMs } = await this.#sell(fault, seed);
    const quiet = await quietProblems(this.#world);
    const verdicts = await verdictsOf(this.#world, this.#caller);
    await repeatedSales(this.#world, this.#caller);
    this.#isOver = true;
    await Promise.all(watching);
    const evidence = await this.#evidence(verdicts);
    const { journal } = this.#world;
    const found = [...journal.problems, ...quiet, ...audit(evidence)];
    const problems = problemReport(found, journal);
    const figures = figuresOf(evidence, journal.answers);
    return { seed, what, problems, firstGrantMs, figures };
  }

  /** From the first buyer to the last, with the fault in between. */
  async #sell(fault: Fault, seed: number): Promise<Pick<RoundResult, 'what' | 'firstGrantMs'>> {
    const world = this.#world;
    const random = this.#random;
    const loading = this.#buyers(seed).map((buyer) => buyer.shop());
    if (random.chance(0.5))
      loading.push(disturb(world, new SeededRandom(seed), () => this.#isStruck));
    await this.#whenBusy();
    await pause(random.between(...WARM_UP_MS));
    const what = await fault.strike(world, random);
    this.#isStruck = true;
    const firstGrantMs = await this.#firstGrants(fault);
    await pause(random.between(...AFTERWARDS_MS));
    this.#closedAtMs = nowMs();
    await Promise.all(loading);
    return { what, firstGrantMs };
  }

  async #evidence(verdicts: readonly Verdict[]): Promise<Evidence> {
    const { journal, capacities, witness } = this.#world;
    const { figures, ledger, heard } = journal;
    const stories = [...journal.stories.values()];
    const records = await witness.records();
    return { capacities, stories, figures, ledger, heard, records, verdicts };
  }

  async #whenBusy(): Promise<void> {
    const { stories } = this.#world.journal;
    await vi.waitFor(() => expect(stories.size).toBeGreaterThan(BUSY), { timeout: 30_000 });
  }

  #buyers(seed: number): Buyer[] {
    const { journal } = this.#world;
    return Array.from({ length: BUYERS }, (_, index) => {
      const random = new SeededRandom(seed * 1_000 + index);
      return new Buyer({
        name: `buyer${index}`,
        random,
        caller: this.#caller,
        journal,
        policy: this.#policy,
        isClosing: () => this.#closedAtMs < Infinity,
        isTooLate: () => nowMs() > this.#closedAtMs + UNANSWERED_MS,
      });
    });
  }

  /** With every store; a grant counts when its epoch is in force. */
  #firstGrants({ recoveryMs }: Fault): Promise<number[]> {
    const { journal } = this.#world;
    const healedAtMs = nowMs();
    return Promise.all(
      Array.from({ length: STORE_COUNT }, async (_, store) => {
        const isGranted = await this.#probe(store, healedAtMs + recoveryMs);
        this.#world.doubtful.delete(store);
        const tookMs = nowMs() - healedAtMs;
        const detail = `store ${store} has granted nothing ${recoveryMs} ms after the fault`;
        if (!isGranted) journal.problems.push({ rule: 'stuck', detail });
        return tookMs;
      }),
    );
  }

  async #probe(store: number, untilMs: number): Promise<boolean> {
    const { witness } = this.#world;
    for (let turn = 0; nowMs() < untilMs; turn += 1) {
      const name = `probe-${store}-${turn}`;
      const visit = { userId: name, sessionId: name, owner: store };
      const items = [{ categoryId: 1, quantity: 1 }];
      const wanted = { eventId: PROBE_EVENT, items, requestId: name };
      const locked = await this.#caller.lock(store, wanted, { visit, isFirst: false });
      const [grant] = locked.ok ? locked.value : [];
      if (grant !== undefined) {
        const unlock = { visit, left: 0, requestId: `${name}-back` };
        await this.#caller.unlock(store, grant.lockId, unlock);
        const { epoch } = await witness.look();
        if (routeOf(grant.lockId)?.epoch === epoch) return true;
      }
      await pause(10);
    }
    return false;
  }

  async #watchLedger(): Promise<void> {
    const { witness, journal } = this.#world;
    while (!this.#isOver) {
      journal.ledger.push(await witness.look());
      await pause(LOOK_MS);
    }
  }

  /** What the stores show, one event and store after the other. */
  async #watchFigures(): Promise<void> {
    const { journal, stores } = this.#world;
    for (let turn = 0; !this.#isOver; turn += 1) {
      const store = turn % STORE_COUNT;
      const eventId = STOCK[Math.floor(turn / STORE_COUNT) % STOCK.length]?.eventId ?? PROBE_EVENT;
      const wasBehind = this.#world.isBehind(store);
      const calledAtMs = nowMs();
      const shown = await stores[store]?.availability(eventId);
      const answeredAtMs = nowMs();
      if (shown?.ok === true && !wasBehind && !this.#world.isBehind(store)) {
        for (const { categoryId, available } of shown.value.categories) {
          const place = `${eventId}/${categoryId}`;
          journal.figures.push({ store, place, calledAtMs, answeredAtMs, available });
        }
      }
      await pause(LOOK_MS);
    }
  }
}

function figuresOf(
  { stories, records, verdicts, ledger }: Evidence,
  answers: ReadonlyMap<string, number>,
): RoundResult['figures'] {
  const unknown = [...answers].filter(([answer]) => answer.endsWith('OUTCOME_UNKNOWN'));
  return {
    grants: stories.length,
    sales: records.filter(({ outcome }) => outcome === 'sold').length,
    lost: verdicts.length,
    epochs: ledger.at(-1)?.epoch ?? 0,
    unknown: unknown.reduce((sum, [, count]) => sum + count, 0),
  };
}
