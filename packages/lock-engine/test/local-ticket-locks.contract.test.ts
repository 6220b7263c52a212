import { LocalTicketLocks } from '../src/index.js';
import type { LockLedger } from '../src/index.js';
import type { TicketLocksSetup, TicketLocksUnderTest } from '../src/testing/contract/box-office.js';
import { describeTicketLocksContract } from '../src/testing/contract/ticket-locks-contract.js';
import { countingIds } from '../src/testing/counting-ids.js';
import { ManualClock } from '../src/testing/manual-clock.js';
import { memoryLedger } from '../src/testing/memory-ledger.js';

describeTicketLocksContract({ name: 'LocalTicketLocks', create: (setup) => started(setup) });

describeTicketLocksContract({
  name: 'LocalTicketLocks with a ledger',
  create: (setup) => started(setup, memoryLedger()),
});

async function started(
  setup: TicketLocksSetup,
  ledger?: LockLedger,
): Promise<TicketLocksUnderTest> {
  const clock = new ManualClock();
  const locks = new LocalTicketLocks({
    ...setup,
    clock,
    timers: clock,
    ids: countingIds(),
    ...(ledger !== undefined && { ledger }),
  });
  await locks.start();
  return { locks, clock };
}
