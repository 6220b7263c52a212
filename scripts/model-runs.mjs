// What `npm run model` explores. docs/model/README.md explains each line.

/** The numbers that docs/model/hold.pml gives its properties. */
const OVERSELL = 1;
const PROMISE = 2;
const ABORTED = 4;
const REFUSED = 5;
const RETURNED = 6;
const WHOLE = 7;
const STUCK = 8;

/** The same of docs/model/notice.pml. */
const BEHIND = 1;
const UNNOTICED = 2;

const HOLD = 'hold.pml';
/** Lock 0 is of two tickets and may shrink to one, and there are two in all. */
const PARTIAL = ['PARTIAL', 'QUANTITY_0=2'];

const confirm = { title: 'confirm', model: HOLD, defines: ['LOSSES=1', ...PARTIAL] };
const late = { title: 'late confirm', model: HOLD, defines: ['LATE', 'LOSSES=1', ...PARTIAL] };
const finalRefusals = {
  title: 'late confirm, refusals recorded',
  model: HOLD,
  defines: ['LATE', 'FINAL_REFUSALS', ...PARTIAL],
};
const returning = {
  title: 'return and settlement',
  model: HOLD,
  defines: ['RETURN', 'SETTLE', 'LOSSES=1', 'CONFIRMS=2', ...PARTIAL],
};
const many = {
  title: 'several locks at once',
  model: HOLD,
  defines: ['MANY', 'LATE', 'RETURN', 'CAPACITY=3', ...PARTIAL],
};
const manyLost = { title: 'several locks, loss', model: HOLD, defines: ['MANY', 'LOSSES=1'] };
const mixed = {
  title: 'several locks and one of them',
  model: HOLD,
  defines: ['MANY', 'MIXED', 'LATE', 'LOSSES=1'],
};
const rebuild = {
  title: 'rebuild',
  model: HOLD,
  defines: ['LOSSES=2', 'CRASHES=1', 'TAKEOVERS=1', 'CONFIRMS=1'],
};
const rebuildSettled = {
  title: 'rebuild, return and settlement',
  model: HOLD,
  defines: ['RETURN', 'SETTLE', 'LOSSES=2', 'CONFIRMS=1'],
};
const rebuildReturned = {
  title: 'rebuild and return',
  model: HOLD,
  defines: ['RETURN', 'LOSSES=1', 'CONFIRMS=1'],
};
const regress = {
  title: 'unnoticed step back of Redis: what holds even then',
  model: HOLD,
  defines: ['REGRESS', 'CAPACITY=1'],
};

const notice = { title: 'noticing that Redis stepped back', model: 'notice.pml', defines: [] };

/** Free of errors, over the whole state space. */
export const SCENARIOS = [
  confirm,
  late,
  finalRefusals,
  returning,
  many,
  manyLost,
  mixed,
  rebuild,
  rebuildSettled,
  rebuildReturned,
  regress,
  notice,
];

/** A scenario without one protection, which must fail in that property. */
export const CONTROLS = [
  without('the epoch check of a grant', confirm, PROMISE, 'EPOCH_CHECK'),
  without('the fence', confirm, PROMISE, 'FENCE'),
  without('fence and guard', confirm, OVERSELL, 'FENCE', 'GUARD'),
  without('the guard, when Redis steps back unnoticed', regress, OVERSELL, 'GUARD'),
  without('the abort record of the reaper', confirm, PROMISE, 'ABORT_BY_REAPER'),
  without('abort record and guard', confirm, OVERSELL, 'ABORT_BY_REAPER', 'GUARD'),
  without('the first writer winning', confirm, ABORTED, 'FIRST_WRITER'),
  without('a pin that outlasts its time', confirm, PROMISE, 'PIN_OUTLASTING_TIME'),
  without('a pin that blocks unlock', confirm, PROMISE, 'PIN_BLOCKING_UNLOCK'),
  without('free tickets for a late confirm', late, PROMISE, 'LATE_CHECK'),
  without('a record of a late refusal', finalRefusals, REFUSED, 'RECORD_OF_LATE_REFUSAL'),
  without('one transaction for several locks', many, WHOLE, 'ONE_TRANSACTION'),
  without('a record before a pin is taken off', mixed, PROMISE, 'RECORD_OF_REFUSAL'),
  without('the ledger returning first', returning, PROMISE, 'LEDGER_FIRST'),
  without('the ledger answering repeats', returning, RETURNED, 'LEDGER_FOR_REPEATS'),
  without('reconciling returns', rebuildReturned, STUCK, 'RECONCILING'),
  without('reconciling settlements', rebuildSettled, STUCK, 'RECONCILING'),
  without('figures read after the list', returning, PROMISE, 'FIGURES_LAST'),
  without('the list read after the epoch', rebuild, PROMISE, 'LIST_AFTER_EPOCH'),
  without('the epoch key written last', rebuild, PROMISE, 'EPOCH_LAST'),
  without('counting the chunks', rebuild, PROMISE, 'COUNTING_CHUNKS'),
  without('a stamp on the chunks', rebuild, PROMISE, 'CHUNK_STAMP'),
  without('an epoch of its own for each rebuild', rebuild, PROMISE, 'OWN_EPOCH'),
  without('noticing a stale epoch', rebuild, STUCK, 'NOTICING_A_STALE_EPOCH'),
  without('noticing a step back', regress, PROMISE),
  without('noticing a step back: a wrong no', regress, REFUSED),
  without('the identity of the server', notice, BEHIND, 'SERVER_IDENTITY'),
  without('the identity of the server: for good', notice, UNNOTICED, 'SERVER_IDENTITY'),
];

function without(what, { model, defines }, property, ...protections) {
  const switches = protections.map((name) => `WITHOUT_${name}`);
  return { title: `without ${what}`, model, property, defines: [...defines, ...switches] };
}
