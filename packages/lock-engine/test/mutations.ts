import type { Mutation } from './mutant-engine.js';

/** The faults of the service that this one replaces, as far as an engine can have them. */
export const KNOWN_FAULTS: readonly Mutation[] = [
  {
    title: 'quantity is not checked: NaN makes every later check false',
    file: 'shape.ts',
    find: "return typeof input === 'number' && Number.isSafeInteger(input) && input >= 1;",
    replace: "return typeof input === 'number' && !(input < 1);",
  },
  {
    title: 'a negative quantity makes stock',
    file: 'shape.ts',
    find: "return typeof input === 'number' && Number.isSafeInteger(input) && input >= 1;",
    replace: "return typeof input === 'number' && Number.isSafeInteger(input);",
  },
  {
    title: 'what is confirmed does not count until the source counts it',
    file: 'category-record.ts',
    find: 'return this.soldElsewhere + this.confirmed;',
    replace: 'return this.soldElsewhere;',
  },
  {
    title: 'confirm does not look at the end',
    file: 'deciding.ts',
    find: 'if (lock.isDue(step.nowMs)) step.expire(lock);\n    const isReturned',
    replace: 'const isReturned',
  },
  {
    title: 'confirm ignores whose lock it is',
    file: 'deciding.ts',
    find: 'const isForeign = userId !== undefined && lock?.user.userId !== userId;',
    replace: 'const isForeign = false;',
  },
  {
    title: 'release takes back what another order confirmed',
    file: 'deciding.ts',
    find: 'if (!isOver && isOthers)',
    replace: 'if (false)',
  },
  {
    title: 'release takes back what is settled',
    file: 'deciding.ts',
    find: 'return sale?.settled === true ?',
    replace: 'return false ?',
  },
  {
    title: 'time goes back with the clock',
    file: 'lock-engine.ts',
    find: 'this.#nowMs = Math.max(nowMs, this.#nowMs, this.#state.changedAtMs);',
    replace: 'this.#nowMs = nowMs;',
  },
  {
    title: 'settled locks are never forgotten',
    file: 'lock-state.ts',
    find: '    lock.endedAtMs = change.atMs;\n    this.ended.append(lock);\n  }\n\n  #inventorySet',
    replace: '    lock.endedAtMs = change.atMs;\n  }\n\n  #inventorySet',
  },
];

/** Faults of our own making, each a slip that a tired hand could make. */
export const OWN_FAULTS: readonly Mutation[] = [
  {
    title: 'a lock is still active at its end',
    file: 'lock-record.ts',
    find: 'nowMs >= this.expiresAtMs',
    replace: 'nowMs > this.expiresAtMs',
  },
  {
    title: 'a lock ends a millisecond early',
    file: 'lock-record.ts',
    find: 'nowMs >= this.expiresAtMs',
    replace: 'nowMs + 1 >= this.expiresAtMs',
  },
  {
    title: 'one ticket more than there is',
    file: 'locking.ts',
    find: 'if (available < growth)',
    replace: 'if (available + 1 < growth)',
  },
  {
    title: 'tickets of locks that are over are refused until they are swept',
    file: 'step.ts',
    find: 'while (category.available < quantity) {',
    replace: 'while (false) {',
  },
  {
    title: 'the second lock of a user in a category is granted',
    file: 'locking.ts',
    find: 'const existing = own.user?.lockIn(category);',
    replace: 'const existing = undefined;',
  },
  {
    title: 'a changed quantity moves the end',
    file: 'lock-state.ts',
    find: '    lock.quantity = change.quantity;\n',
    replace: '    lock.quantity = change.quantity;\n    lock.expiresAtMs += 1;\n',
  },
  {
    title: 'unlock of a part gives everything back',
    file: 'unlocking.ts',
    find: 'const remaining = locked - given;',
    replace: 'const remaining = 0;',
  },
  {
    title: 'more than is locked is given back',
    file: 'unlocking.ts',
    find: 'if (given > locked)',
    replace: 'if (false)',
  },
  {
    title: 'the buyer changes a lock in payment',
    file: 'unlocking.ts',
    find: 'if (lock.inPayment && !lock.isDue(step.nowMs))',
    replace: 'if (false)',
  },
  {
    title: 'a disconnect takes a lock in payment',
    file: 'unlocking.ts',
    find: '} else if (!lock.inPayment) {',
    replace: '} else {',
  },
  {
    title: 'extend has no count',
    file: 'lock-state.ts',
    find: 'lock.extensionCount += 1;',
    replace: 'lock.extensionCount += 0;',
  },
  {
    title: 'extend has no greatest age',
    file: 'locking.ts',
    find: 'const latestMs = lock.createdAtMs + lockAgeMsMax;',
    replace: 'const latestMs = Infinity;',
  },
  {
    title: 'a payment may bring the end nearer',
    file: 'deciding.ts',
    find: 'Math.max(lock.expiresAtMs, Math.min(step.nowMs + ttlMs, latestMs))',
    replace: 'Math.min(step.nowMs + ttlMs, latestMs)',
  },
  {
    title: 'a second order takes over a payment',
    file: 'deciding.ts',
    find: 'if (lock.orderId !== undefined && lock.orderId !== claims.orderId) {',
    replace: 'if (false) {',
  },
  {
    title: 'a late confirm takes tickets that are not free',
    file: 'deciding.ts',
    find: 'if (available < quantity) return',
    replace: 'if (false) return',
  },
  {
    title: 'late confirms in one call do not see each other',
    file: 'deciding.ts',
    find: 'taken.set(category, quantity);',
    replace: '',
  },
  {
    title: 'a late confirm has no window',
    file: 'deciding.ts',
    find: 'step.nowMs < lock.expiresAtMs + lateConfirmWindowMs;',
    replace: 'true;',
  },
  {
    title: 'what was returned can be confirmed again',
    file: 'deciding.ts',
    find: "if (lock.status === 'RELEASED') return step.refuse({ code: 'LOCK_RELEASED', lockId });",
    replace: "if (lock.status === 'RELEASED') return undefined;",
  },
  {
    title: 'the same request id with other content repeats the old answer',
    file: 'step.ts',
    find: 'if (remembered === undefined || remembered.content === key.content) return remembered;',
    replace: 'return remembered;',
  },
  {
    title: 'requests are not remembered',
    file: 'lock-state.ts',
    find: 'return this.requests.remember(change);',
    replace: 'return;',
  },
  {
    title: 'an older answer of the source wins',
    file: 'stocking.ts',
    find: 'if (event !== undefined && fetchedAtMs < event.fetchedAtMs) {',
    replace: 'if (false) {',
  },
  {
    title: 'a sale settles before the source shows it',
    file: 'stocking.ts',
    find: 'return netRise >= quantity && category.rises.has(sale.risenBefore, quantity);',
    replace: 'return true;',
  },
  {
    title: 'one rise settles two sales',
    file: 'lock-state.ts',
    find: 'category.rises.use(sale.risenBefore, lock.quantity);',
    replace: '',
  },
  {
    title: 'one order settles twice',
    file: 'stocking.ts',
    find: 'if (event?.completed.has(key) === true || keys.has(key)) continue;',
    replace: '',
  },
  {
    title: 'a cancelled event goes on',
    file: 'lock-state.ts',
    find: 'this.event(change.eventId).cancelled = true;',
    replace: '',
  },
  {
    title: 'the version stands still',
    file: 'lock-state.ts',
    find: '    category.locked += quantity;\n    category.version += 1;',
    replace: '    category.locked += quantity;',
  },
  {
    title: 'a snapshot forgets which rises are used',
    file: 'unused-rises.ts',
    find: '    this.#rises = state.rises.map((rise) => ({ ...rise }));\n',
    replace: '',
  },
  {
    title: 'a snapshot forgets how often a lock was extended',
    file: 'lock-snapshot.ts',
    find: '  lock.extensionCount = snapshot.extensionCount;\n',
    replace: '',
  },
  {
    title: 'ids that look alike are two ids',
    file: 'id.ts',
    find: 'if (Number.isSafeInteger(number)) return number;',
    replace: '',
  },
];
