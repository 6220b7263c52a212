import { describe } from 'vitest';

import { BoxOffices } from './box-office.js';
import type { TicketLocksContract } from './box-office.js';
import { describeDeciding } from './deciding-contract.js';
import { describeExpiry } from './expiry-contract.js';
import { describeInventory } from './inventory-contract.js';
import { describeLocking } from './locking-contract.js';
import { describeRandomCommands } from './random-contract.js';
import { describeRunning } from './running-contract.js';
import { describeSessions } from './session-contract.js';
import { describeUnlocking } from './unlocking-contract.js';

/** Every implementation of `TicketLocks` passes these tests. */
export function describeTicketLocksContract(contract: TicketLocksContract): void {
  const { name, supports } = contract;
  describe(`${name} keeps the contract of TicketLocks`, () => {
    const offices = new BoxOffices(contract);
    describeLocking(offices);
    describeUnlocking(offices);
    describeDeciding(offices, supports);
    describeExpiry(offices, supports);
    describeSessions(offices);
    describeInventory(offices, supports);
    describeRunning(offices);
    describeRandomCommands(offices, supports);
  });
}
