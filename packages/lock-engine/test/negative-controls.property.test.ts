import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { runRandom } from '../src/testing/random-run.js';
import { compiledEngine, withMutant } from './mutant-engine.js';
import type { Mutation } from './mutant-engine.js';
import { KNOWN_FAULTS, OWN_FAULTS } from './mutations.js';
import { NaiveService, SERVICE_FAULTS } from './naive-service.js';
import type { ServiceFault } from './naive-service.js';

/**
 * What each fault gets to show itself; the engine itself runs many times as long without a
 * divergence.
 */
const COMMAND_COUNT = 30_000;
const SEED = 7;

let compiled: ReadonlyMap<string, string>;

beforeAll(async () => {
  compiled = await compiledEngine();
});

describe('a suite that cannot see a fault proves nothing: these are seen', () => {
  it.each(KNOWN_FAULTS)('known fault: $title', kills);
  it.each(OWN_FAULTS)('own fault: $title', kills);

  it('and the engine without a fault is passed by the same run', async () => {
    const nothing = { title: '', file: 'id.ts', find: 'DECIMAL.test', replace: 'DECIMAL.test' };
    await withMutant(compiled, nothing, (Mutant) => {
      runRandom({ seed: SEED, commandCount: COMMAND_COUNT, createEngine: (o) => new Mutant(o) });
    });
  });
});

describe('a service around the engine can still be wrong', () => {
  it.each(SERVICE_FAULTS)('fault: %s', async (fault) => {
    await expect(audit(fault)).rejects.toThrow('Property failed');
  });

  it('and without a fault it passes the same audit', async () => {
    await audit(undefined);
  });
});

async function kills(mutation: Mutation): Promise<void> {
  await withMutant(compiled, mutation, (Mutant) => {
    const run = () =>
      runRandom({ seed: SEED, commandCount: COMMAND_COUNT, createEngine: (o) => new Mutant(o) });
    expect(run, mutation.title).toThrow(/seed|broken invariant/);
  });
}

/**
 * Five users for three tickets, three messages, five reservations: in every order of the awaits all
 * must come out right.
 */
async function audit(fault: ServiceFault | undefined): Promise<void> {
  const capacity = 3;
  const messages = [1, 2, 3];
  const property = fc.asyncProperty(fc.scheduler(), fc.boolean(), async (scheduler, crash) => {
    const pause = (label: string) => scheduler.schedule(Promise.resolve(), label);
    const service = new NaiveService({ capacity, messages, fault, pause });
    const users = ['ann', 'ben', 'cem', 'dan', 'eve'];
    const locks = users.map((tokenUserId) => service.lock({ tokenUserId, queryUserId: 'mallory' }));
    const reservations = users.map(() => service.reserve());
    const consumed = consumeAll(service, crash);
    await scheduler.waitAll();
    const granted = (await Promise.all(locks)).filter(Boolean).length;
    const reserved = (await Promise.all(reservations)).filter(Boolean).length;
    await scheduler.waitFor(consumed);
    expect(granted).toBe(capacity);
    expect(service.owners.every((owner) => users.includes(owner))).toBe(true);
    expect(reserved).toBe(capacity);
    expect([...service.handled].toSorted((a, b) => a - b)).toEqual(messages);
  });
  await fc.assert(property, { seed: SEED, numRuns: 100 });
}

/** Consumes until the queue is empty; the first attempt may crash, as a process may. */
async function consumeAll(service: NaiveService, crash: boolean): Promise<void> {
  await service.consume(crash);
  while (service.queue.length > 0) await service.consume(false);
}
