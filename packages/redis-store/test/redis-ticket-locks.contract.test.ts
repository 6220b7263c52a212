import type { DecisionLedger } from '@ticket-locks/lock-engine';
import {
  countingIds,
  describeTicketLocksContract,
  memoryDecisionLedger,
} from '@ticket-locks/lock-engine/testing';
import type { TicketLocksSetup } from '@ticket-locks/lock-engine/testing';
import { Redis } from 'ioredis';

import { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import { manualLibrary, newPrefix, redisUrl } from './redis-server.js';
import { ServerClock } from './server-clock.js';

async function open(
  { policy, disconnectGraceMs, source }: TicketLocksSetup,
  decisions?: DecisionLedger,
) {
  const url = redisUrl();
  const prefix = newPrefix();
  const redis = new Redis(url);
  const clock = new ServerClock(redis, prefix);
  await clock.set(clock.nowMs());
  const locks = new RedisTicketLocks(
    {
      url,
      prefix,
      source,
      policy,
      disconnectGraceMs,
      clock,
      timers: clock,
      ids: countingIds(),
      // Virtual time does not pass while a busy machine answers.
      timeoutMs: 30_000,
      ...(decisions !== undefined && { decisions }),
    },
    manualLibrary(),
  );
  clock.inFlight = () => locks.inFlight;
  await locks.start();
  return { locks, clock, dispose: () => redis.disconnect() };
}

describeTicketLocksContract({ name: 'RedisTicketLocks', create: (setup) => open(setup) });

describeTicketLocksContract({
  name: 'RedisTicketLocks with a ledger that decides',
  create: (setup) => open(setup, memoryDecisionLedger({ nowMs: () => 0 })),
  supports: {
    'equality with the model': {
      not: 'the ledger refuses to sell more than there is, where an engine alone keeps its word',
    },
  },
});
