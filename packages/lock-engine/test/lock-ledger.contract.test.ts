import {
  describeChangeOutboxContract,
  ledgerOutbox,
} from '../src/testing/contract/change-outbox-contract.js';
import { describeLockLedgerContract } from '../src/testing/contract/lock-ledger-contract.js';
import { ledgerThatWaits, memoryLedger } from '../src/testing/memory-ledger.js';
import type { MemoryLedger } from '../src/testing/memory-ledger.js';

describeLockLedgerContract({
  name: 'memoryLedger',
  create: () => underTest(memoryLedger()),
});

describeChangeOutboxContract({
  name: 'memoryLedger',
  create: () => ledgerOutbox(underTest(memoryLedger())),
});

describeLockLedgerContract({
  name: 'ledgerThatWaits, when it is let go',
  create: () => {
    const ledger = ledgerThatWaits();
    ledger.letGo();
    return underTest(ledger);
  },
});

function underTest(ledger: MemoryLedger) {
  return {
    ledger,
    reopen: () => ledger.reopen(),
    crash: () => ledger.crash(),
    breakDisk: () => ledger.breakDisk(),
  };
}
