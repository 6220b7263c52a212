import type { DecisionLedger } from '../src/ports/decision-ledger.js';
import { describeDecisionLedgerContract } from '../src/testing/contract/decision-ledger-contract.js';
import { memoryDecisionLedger } from '../src/testing/memory-decision-ledger.js';

let ledger: DecisionLedger | undefined;

describeDecisionLedgerContract({
  name: 'memoryDecisionLedger',
  create: () => (ledger ??= memoryDecisionLedger({ nowMs: () => 1_800_000_000_000 })),
  destroy: () => {
    ledger = undefined;
  },
});
