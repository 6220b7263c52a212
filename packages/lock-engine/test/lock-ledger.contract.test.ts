import { describeLockLedgerContract } from '../src/testing/contract/lock-ledger-contract.js';
import { ledgerThatWaits, memoryLedger } from '../src/testing/memory-ledger.js';
import type { MemoryLedger } from '../src/testing/memory-ledger.js';

describeLockLedgerContract({
  name: 'memoryLedger',
  create: () => underTest(memoryLedger()),
  supports: { 'failing disk': { not: 'memory does not fail; ledgerThatFails() does' } },
});

describeLockLedgerContract({
  name: 'ledgerThatWaits, when it is let go',
  create: () => {
    const ledger = ledgerThatWaits();
    ledger.letGo();
    return underTest(ledger);
  },
  supports: { 'failing disk': { not: 'memory does not fail; ledgerThatFails() does' } },
});

function underTest(ledger: MemoryLedger) {
  return {
    ledger,
    reopen: () => ledger.reopen(),
    crash: () => ledger.crash(),
  };
}
