import { describe, expect, test } from 'vitest';

import { ManualClock, settled } from '../src/testing/manual-clock.js';
import { ledgerThatFails, ledgerThatWaits, memoryLedger } from '../src/testing/memory-ledger.js';
import { codeOf, expectToWait, LocalProcess, valueOf } from './local-process.js';

describe('after a crash', () => {
  test('every answered lock is there with its end, and every confirm is final', async () => {
    const ledger = memoryLedger();
    const before = await LocalProcess.started({ ledger });
    const { clock } = before;
    const ann = valueOf(await before.ask('ann', 2, 'r-1'));
    const ben = valueOf(await before.ask('ben', 1));
    valueOf(await before.locks.confirm({ lockId: ben.lockId, orderId: 'o-1' }));
    const [seats] = valueOf(await before.locks.availability(1)).categories;
    ledger.crash();

    clock.advance(5_000);
    const after = await LocalProcess.started({ ledger: ledger.reopen(), clock });
    const lock = await after.locks.lockById(ann.lockId);
    expect(lock).toMatchObject({ status: 'ACTIVE', quantity: 2, expiresAtMs: ann.expiresAtMs });
    const repeated = valueOf(await after.ask('ann', 2, 'r-1'));
    expect(repeated).toEqual({ ...ann, expiresInMs: 595_000, available: 2 });
    const confirmed = await after.locks.confirm({ lockId: ben.lockId, orderId: 'o-1' });
    expect(codeOf(confirmed)).toBe('ok');
    const [now] = valueOf(await after.locks.availability(1)).categories;
    expect(now).toMatchObject({ locked: 2, confirmed: 1, available: 2 });
    expect(now!.version).toBeGreaterThanOrEqual(seats!.version);
    expect(after.locks.recovery).toMatchObject({ activeLocks: 1, unsettledLocks: 1 });
  });

  test('what ended meanwhile is over, and is told', async () => {
    const ledger = memoryLedger();
    const before = await LocalProcess.started({ ledger });
    const { lockId } = valueOf(await before.ask('ann'));
    ledger.crash();
    before.clock.advance(600_000);
    const after = await LocalProcess.started({ ledger: ledger.reopen(), clock: before.clock });
    expect(after.told).toEqual(['expired']);
    expect(await after.locks.lockById(lockId)).toMatchObject({ status: 'EXPIRED' });
  });

  test('a clock that was set back meanwhile neither freezes a lock nor ends it', async () => {
    const ledger = memoryLedger();
    const policy = { ttlMs: 60_000 };
    const before = await LocalProcess.started({ ledger, policy });
    before.clock.advance(3_600_000);
    const { sessionId, resumeToken } = valueOf(await before.locks.openSession({ userId: 'ann' }));
    const wish = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ann', sessionId };
    const { lockId } = valueOf(await before.locks.lock(wish));
    ledger.crash();

    const clock = new ManualClock(1_000_000);
    const after = await LocalProcess.started({ ledger: ledger.reopen(), clock, policy });
    expect(after.locks.recovery?.clockMovedBackMs).toBe(3_600_000);
    valueOf(await after.locks.resumeSession({ userId: 'ann', resumeToken }));
    await clock.advanceAsync(59_999);
    expect(await after.locks.lockById(lockId)).toMatchObject({ status: 'ACTIVE' });
    await clock.advanceAsync(1);
    expect(await after.locks.lockById(lockId)).toMatchObject({ status: 'EXPIRED' });
    await clock.advanceAsync(1_000);
    expect(after.told).toEqual(['expired']);
  });

  test('sessions resume with their tokens, with locks and without', async () => {
    const ledger = memoryLedger();
    const before = await LocalProcess.started({ ledger });
    const ann = valueOf(await before.locks.openSession({ userId: 'ann' }));
    const ben = valueOf(await before.locks.openSession({ userId: 'ben' }));
    const wish = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ann' };
    const { sessionId } = ann;
    const { lockId } = valueOf(await before.locks.lock({ ...wish, sessionId }));
    ledger.crash();

    const after = await LocalProcess.started({ ledger: ledger.reopen(), clock: before.clock });
    for (const [userId, { resumeToken, sessionId: id }] of Object.entries({ ann, ben })) {
      const resumed = await after.locks.resumeSession({ userId, resumeToken });
      expect(valueOf(resumed)).toMatchObject({ sessionId: id, resumed: true });
    }
    const stolen = { userId: 'ben', resumeToken: ann.resumeToken };
    expect(codeOf(await after.locks.resumeSession(stolen))).toBe('FORBIDDEN');
    await after.clock.advanceAsync(60_000);
    expect(await after.locks.lockById(lockId)).toMatchObject({ status: 'ACTIVE' });
    await after.locks.leaveSession({ sessionId, how: 'goodbye' });
    expect(await after.locks.lockById(lockId)).toMatchObject({ status: 'RELEASED' });
  });

  test('the grace of every restored session begins when the store has started', async () => {
    const ledger = memoryLedger();
    const before = await LocalProcess.started({ ledger, disconnectGraceMs: 15_000 });
    const { lockId } = valueOf(await before.ask('ann'));
    const paid = valueOf(await before.ask('ben'));
    valueOf(await before.locks.beginPayment({ lockId: paid.lockId, orderId: 1 }));
    ledger.crash();
    before.clock.advance(100_000);

    const { clock } = before;
    const options = { ledger: ledger.reopen(), clock, disconnectGraceMs: 15_000 };
    const after = await LocalProcess.started(options);
    await clock.advanceAsync(14_999);
    expect(await after.locks.lockById(lockId)).toMatchObject({ status: 'ACTIVE' });
    await clock.advanceAsync(1_001);
    const lock = await after.locks.lockById(lockId);
    expect(lock).toMatchObject({ status: 'RELEASED', reason: 'disconnected' });
    expect(await after.locks.lockById(paid.lockId)).toMatchObject({ status: 'ACTIVE' });
  });

  test('a record that is open elsewhere is not started on', async () => {
    const ledger = memoryLedger();
    await LocalProcess.started({ ledger });
    const second = new LocalProcess({ ledger: ledger.reopen() });
    await expect(second.locks.start()).rejects.toThrow('open elsewhere');
  });

  test('after a stop nothing was released either', async () => {
    const ledger = memoryLedger();
    const before = await LocalProcess.started({ ledger, disconnectGraceMs: 0 });
    const { sessionId } = valueOf(await before.locks.openSession({ userId: 'ann' }));
    const wish = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ann', sessionId };
    const { lockId } = valueOf(await before.locks.lock(wish));
    await before.locks.stop();
    const options = { ledger: ledger.reopen(), clock: before.clock, disconnectGraceMs: 15_000 };
    const after = await LocalProcess.started(options);
    expect(await after.locks.lockById(lockId)).toMatchObject({ status: 'ACTIVE' });
    expect(before.clock.timerCount).toBeGreaterThan(0);
    await after.locks.stop();
    expect(before.clock.timerCount).toBe(0);
    expect([before.source.listenerCount, after.source.listenerCount]).toEqual([0, 0]);
  });
});

describe('before the flush', () => {
  /** A store with a lock of Ann's that is durable, and then a ledger that waits. */
  async function waiting() {
    const ledger = ledgerThatWaits();
    const local = await LocalProcess.started({ ledger });
    const asked = local.ask('ann', 2, 'r-1');
    const answered = flushed(ledger, asked);
    const { lockId } = valueOf(await answered);
    return { ledger, local, lockId };
  }

  /** Flushes until the promise is settled. */
  async function flushed<Value>(
    ledger: ReturnType<typeof ledgerThatWaits>,
    promise: Promise<Value>,
  ): Promise<Value> {
    const unsettled = new Set([promise]);
    const settle = () => unsettled.clear();
    promise.then(settle, settle);
    for (let round = 0; unsettled.size > 0 && round < 100; round += 1) {
      await settled();
      ledger.flush();
    }
    expect(unsettled.size, 'promises that no flush settles').toBe(0);
    return promise;
  }

  test.each<[string, (local: LocalProcess, lockId: string) => Promise<unknown>]>([
    ['a grant', (local) => local.ask('ben')],
    ['a part given back', (local, lockId) => local.locks.unlock({ lockId, quantity: 1 })],
    ['an unlock', (local, lockId) => local.locks.unlock({ lockId })],
    ['an extension', (local, lockId) => local.locks.extend({ lockId })],
    ['a payment', (local, lockId) => local.locks.beginPayment({ lockId, orderId: 1 })],
    ['a confirm', (local, lockId) => local.locks.confirm({ lockId, orderId: 1 })],
    ['a release', (local, lockId) => local.locks.release({ lockId })],
    ['confirms', (local, lockId) => local.locks.confirmMany({ lockIds: [lockId] })],
    ['releases', (local, lockId) => local.locks.releaseMany({ lockIds: [lockId] })],
    ['a cancelled event', (local) => local.locks.cancelEvent({ eventId: 1 })],
    ['figures', (local) => local.locks.setInventory({ eventId: 1, categories: [] })],
  ])('%s is not answered, and not told', async (_name, act) => {
    const { ledger, local, lockId } = await waiting();
    const told = local.changes.length;
    const answer = act(local, lockId);
    await expectToWait({ answer });
    expect(local.changes).toHaveLength(told);
    const order: string[] = [];
    local.locks.on('change', () => order.push('change'));
    const answered = answer.then(() => order.push('answer'));
    ledger.flush();
    await answered;
    expect(order.at(-1)).toBe('answer');
    expect(order.length).toBeGreaterThan(1);
  });

  test('nothing that shows a grant leaves: no repeat, no refusal, no query', async () => {
    const { ledger, local } = await waiting();
    const grant = local.ask('ben', 3, 'r-2');
    const shown = {
      repeat: local.ask('ben', 3, 'r-2'),
      conflict: local.ask('ben', 2, 'r-2'),
      duplicate: local.ask('ben', 1),
      soldOut: local.ask('cem', 1),
      availability: local.locks.availability(1),
      locksOfUser: local.locks.locksOfUser('ben'),
      locksOfSession: local.locks.locksOfSession('session of ben'),
      stats: local.locks.stats(),
      unsettled: local.locks.unsettledLocks(1),
    };
    await expectToWait({ grant, ...shown });
    ledger.flush();
    const { lockId } = valueOf(await grant);
    expect(valueOf(await shown.repeat).lockId).toBe(lockId);
    expect(codeOf(await shown.conflict)).toBe('REQUEST_CONFLICT');
    expect(codeOf(await shown.duplicate)).toBe('DUPLICATE_LOCK');
    expect(codeOf(await shown.soldOut)).toBe('INSUFFICIENT_TICKETS');
    expect(await shown.locksOfUser).toHaveLength(1);
    expect((await shown.stats).activeLocks).toBe(2);
  });

  test('the end of a lock is not told, nor the release of a session', async () => {
    const { ledger, local, lockId } = await waiting();
    await local.clock.advanceAsync(601_000);
    expect(local.told).toEqual(['locked']);
    const over = local.locks.lockById(lockId);
    await expectToWait({ over });
    ledger.flush();
    expect(await over).toMatchObject({ status: 'EXPIRED' });
    expect(local.told).toEqual(['locked', 'expired']);

    const { sessionId } = valueOf(await local.locks.openSession({ userId: 'ben' }));
    const wish = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ben', sessionId };
    valueOf(await flushed(ledger, local.locks.lock(wish)));
    const left = local.locks.leaveSession({ sessionId, how: 'goodbye' });
    await expectToWait({ left });
    ledger.flush();
    await left;
    expect(local.told.at(-1)).toBe('released');
  });

  test('one flush is enough for all that arrived, in their order', async () => {
    const { ledger, local } = await waiting();
    const users = ['ben', 'cem', 'dan'];
    const answers = users.map((userId) => local.ask(userId));
    await expectToWait(Object.fromEntries(answers.map((answer, index) => [index, answer])));
    ledger.flush();
    expect((await Promise.all(answers)).map(codeOf)).toEqual(['ok', 'ok', 'ok']);
    const locked = local.changes.filter((change) => change.type === 'locked');
    expect(locked.map((change) => change.userId)).toEqual(['ann', ...users]);
    const seqs = local.changes.map((change) => change.seq);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
  });

  test('a stop waits for it', async () => {
    const { ledger, local } = await waiting();
    const grant = local.ask('ben');
    const stopped = local.locks.stop();
    await expectToWait({ grant, stopped });
    ledger.flush();
    expect(codeOf(await grant)).toBe('ok');
    await stopped;
    const after = await LocalProcess.started({ ledger: ledger.reopen(), clock: local.clock });
    expect(await after.locks.locksOfUser('ben')).toHaveLength(1);
  });
});

describe('a ledger that fails', () => {
  test('makes the outcome unknown, then the store unavailable, and says so once', async () => {
    const local = await LocalProcess.started({
      ledger: ledgerThatFails({ at: 'append', after: 2 }),
    });
    const { lockId } = valueOf(await local.ask('ann'));
    const told = local.changes.length;
    const inFlight = await Promise.all([
      local.ask('ben'),
      local.ask('cem'),
      local.locks.confirm({ lockId, orderId: 1 }),
      local.ask('ann'),
    ]);
    expect(inFlight.map(codeOf)).toEqual(inFlight.map(() => 'OUTCOME_UNKNOWN'));
    const afterwards = [
      await local.ask('dan'),
      await local.locks.confirm({ lockId, orderId: 1 }),
      await local.locks.release({ lockId }),
      await local.locks.openSession({ userId: 'dan' }),
      await local.locks.availability(1),
    ];
    expect(afterwards.map(codeOf)).toEqual(afterwards.map(() => 'UNAVAILABLE'));
    await local.clock.advanceAsync(3_600_000);
    expect(local.failures.map((error) => error.message)).toEqual(['the ledger fails at append']);
    expect(local.changes).toHaveLength(told);
    await local.locks.stop();
    expect(local.clock.timerCount).toBe(0);
  });

  test('when it has kept the changes all the same, the restart shows them', async () => {
    const ledger = ledgerThatFails({ at: 'append', after: 1, kept: true });
    const local = await LocalProcess.started({ ledger });
    expect(codeOf(await local.ask('ann', 2, 'r-1'))).toBe('OUTCOME_UNKNOWN');
    ledger.crash();
    const after = await LocalProcess.started({ ledger: ledger.reopen(), clock: local.clock });
    const repeated = valueOf(await after.ask('ann', 2, 'r-1'));
    expect(repeated.quantity).toBe(2);
    expect(await after.locks.locksOfUser('ann')).toHaveLength(1);
  });

  test('in the background stops the store as well', async () => {
    const ledger = memoryLedger();
    const local = await LocalProcess.started({ ledger });
    valueOf(await local.ask('ann'));
    ledger.breakDisk();
    await local.clock.advanceAsync(601_000);
    expect(local.failures).toHaveLength(1);
    expect(local.told).toEqual(['locked']);
    expect(codeOf(await local.ask('ben'))).toBe('UNAVAILABLE');
  });

  test('at the start makes the start fail', async () => {
    const local = new LocalProcess({ ledger: ledgerThatFails({ at: 'load' }) });
    await expect(local.locks.start()).rejects.toThrow('the ledger fails at load');
    expect(codeOf(await local.ask('ann'))).toBe('UNAVAILABLE');
  });

  test('with something that is no error is told as one', async () => {
    const ledger = ledgerThatFails({ at: 'append', after: 1, error: 'disk full' });
    const local = await LocalProcess.started({ ledger });
    expect(codeOf(await local.ask('ann'))).toBe('OUTCOME_UNKNOWN');
    expect(local.failures[0]).toBeInstanceOf(Error);
    expect(local.failures[0]?.cause).toBe('disk full');
  });
});
