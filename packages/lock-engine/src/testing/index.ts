export type {
  TicketLocksContract,
  TicketLocksFeature,
  TicketLocksSetup,
  TicketLocksUnderTest,
} from './contract/box-office.js';
export { describeChangeOutboxContract, ledgerOutbox } from './contract/change-outbox-contract.js';
export type {
  ChangeOutboxContract,
  OutboxFeature,
  OutboxUnderTest,
} from './contract/change-outbox-contract.js';
export { describeDecisionLedgerContract } from './contract/decision-ledger-contract.js';
export type { DecisionLedgerContract } from './contract/decision-ledger-contract.js';
export { describeLockLedgerContract } from './contract/lock-ledger-contract.js';
export type {
  LedgerFeature,
  LedgerUnderTest,
  LockLedgerContract,
  PublishedLedger,
} from './contract/lock-ledger-contract.js';
export type { Support, Supports } from './contract/support.js';
export { describeTicketLocksContract } from './contract/ticket-locks-contract.js';
export { countingIds } from './counting-ids.js';
export type { Operation, RecordedOperation } from './linearizability/history.js';
export { HistoryRecorder } from './linearizability/history.js';
export { checkLinearizable } from './linearizability/linearizability.js';
export type { Linearizability, LinearizabilityOptions } from './linearizability/linearizability.js';
export { randomHistory } from './linearizability/random-history.js';
export type { RandomHistoryOptions } from './linearizability/random-history.js';
export { COMMAND_NAMES } from './lock-call.js';
export type { CommandName } from './lock-call.js';
export { lockCommands } from './lock-commands.js';
export { Lockstep } from './lockstep.js';
export type { LockstepOptions } from './lockstep.js';
export { ManualClock, settled } from './manual-clock.js';
export { ManualInventory } from './manual-inventory.js';
export type { Figures } from './manual-inventory.js';
export { memoryDecisionLedger } from './memory-decision-ledger.js';
export { ledgerThatFails, ledgerThatWaits, memoryLedger } from './memory-ledger.js';
export type { Failure, MemoryLedger, WaitingLedger } from './memory-ledger.js';
export { runRandom } from './random-run.js';
export type { RandomRunOptions } from './random-run.js';
export { recordedCalls } from './recorded-calls.js';
export { ReferenceModel } from './reference-model.js';
export type { ModelAvailability, ReferenceModelOptions } from './reference-model.js';
export { SeededRandom } from './seeded-random.js';
