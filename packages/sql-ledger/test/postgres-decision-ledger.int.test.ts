import type {
  DecisionLedger,
  DecisionResult,
  SaleDecision,
  SalesResult,
} from '@ticket-locks/lock-engine';
import { describeDecisionLedgerContract } from '@ticket-locks/lock-engine/testing';
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { PostgresDecisionLedger } from '../src/postgres/postgres-decision-ledger.js';
import { administer, databaseUrl, dropSchema, newSchema } from './test-database.js';

let schema = newSchema();
const open = () => new PostgresDecisionLedger({ url: databaseUrl(), schema });
const destroy = async () => {
  await dropSchema(schema);
  schema = newSchema();
};

describeDecisionLedgerContract({ name: 'PostgresDecisionLedger', create: open, destroy });

const saleOf = (lockId: string, overrides: Partial<SaleDecision> = {}): SaleDecision => ({
  lockId,
  eventId: 1,
  categoryId: 1,
  quantity: 1,
  userId: 1,
  epoch: 1,
  capacityAtGrant: 100,
  ...overrides,
});

describe('instances at the same time', () => {
  const opened: DecisionLedger[] = [];

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((ledger) => ledger.close()));
    await destroy();
  });

  async function openMany(count: number): Promise<readonly DecisionLedger[]> {
    opened.push(...Array.from({ length: count }, open));
    // All at once, on an empty database: one of them makes the tables.
    await Promise.all(opened.map((ledger) => ledger.load()));
    return opened;
  }

  test('never sell more than there is, and agree on every lock', async () => {
    const ledgers = await openMany(3);
    const first = ledgers[0] as DecisionLedger;
    const categories = [1, 2].map((id) => ({ categoryId: id, capacity: 100, soldElsewhere: 0 }));
    await first.settle({ eventId: 1, fetchedAtMs: 1, categories }, []);
    // 150 locks for 100 tickets in each of two categories, each decided, aborted and returned from
    // everywhere at once.
    const locks = Array.from({ length: 300 }, (_, index) =>
      saleOf(`lock-${index}`, { categoryId: 1 + (index % 2) }),
    );
    const answers: (DecisionResult | SalesResult)[] = [];
    // In waves: whoever waits too long for a connection of a busy server is told so.
    for (let from = 0; from < locks.length; from += 50) {
      const wave = locks
        .slice(from, from + 50)
        .flatMap((sale, place) =>
          ledgers.flatMap((ledger, instance) => [
            ledger.decide([sale]),
            ...((from + place) % 5 === instance ? [ledger.abort(sale)] : []),
            ...((from + place) % 7 === instance ? [ledger.return(sale.lockId, undefined)] : []),
          ]),
        );
      answers.push(...(await Promise.all(wave)));
    }
    const written = answers.filter((answer) => answer.ok && answer.decided).length;
    const records = await Promise.all(locks.map(({ lockId }) => first.find(lockId)));
    const known = records.filter((record) => record !== undefined);
    const returned = known.filter(({ outcome }) => outcome === 'returned').length;
    // Every record was written by one call, and turned by at most one.
    expect(written).toBe(known.length + returned);
    for (const { categoryId, capacity, confirmed } of await first.figures(1)) {
      const sold = known.filter(
        (record) => record.categoryId === categoryId && record.outcome === 'sold',
      );
      expect(confirmed).toBe(sold.length);
      expect(confirmed).toBeLessThanOrEqual(capacity);
    }
  });

  test('no sale of an old epoch is written after the new one has begun', async () => {
    const ledgers = await openMany(2);
    const [first, second] = ledgers as [DecisionLedger, DecisionLedger];
    const categories = [{ categoryId: 1, capacity: 100_000, soldElsewhere: 0 }];
    await first.settle({ eventId: 1, fetchedAtMs: 1, categories }, []);
    let begun = false;
    let afterwards = 0;
    const deciding = Array.from({ length: 8 }, async (_, caller) => {
      for (let index = 0; index < 40; index += 1) {
        const wasBegun = begun;
        const answer = await first.decide([saleOf(`lock-${caller}-${index}`)]);
        if (wasBegun && answer.ok) afterwards += 1;
      }
    });
    await second.nextEpoch(1);
    begun = true;
    await Promise.all(deciding);
    expect(afterwards).toBe(0);
  });

  test('a settlement, a return and a sale at once do not wait for each other in a circle', async () => {
    const ledgers = await openMany(3);
    const [first, second, third] = ledgers as [DecisionLedger, DecisionLedger, DecisionLedger];
    const categories = [{ categoryId: 1, capacity: 1_000, soldElsewhere: 0 }];
    await first.settle({ eventId: 1, fetchedAtMs: 1, categories }, []);
    for (let round = 0; round < 30; round += 1) {
      const lockId = `lock-${round}`;
      const sale = saleOf(lockId, { capacityAtGrant: 1_000 });
      await first.decide([sale]);
      const [settled, returned] = await Promise.all([
        second.settle({ eventId: 1, fetchedAtMs: 2 + round, categories }, [lockId]),
        third.return(lockId, undefined),
        first.decide([saleOf(`other-${round}`, { capacityAtGrant: 1_000 })]),
      ]);
      const record = await first.find(lockId);
      expect(settled).toBe(true);
      expect(returned).toMatchObject({ decided: record?.outcome === 'returned' });
      expect(record?.settled).toBe(record?.outcome === 'sold');
    }
    expect(await first.figures(1)).toMatchObject([{ confirmed: 30 }]);
  });

  test('an answer that the server did not give is no refusal', async () => {
    const [ledger] = (await openMany(1)) as [DecisionLedger];
    const call = () => ledger.nextEpoch(1).catch((error: unknown) => error);
    await endWhoeverWaitsFor('ledger', call);
    // The next call gets a new connection, and the record says how it came out.
    const { epoch } = await ledger.load();
    expect([1, 2]).toContain(epoch);
  });
});

describe('a commit that fails', () => {
  test('leaves open what was decided, and the record says it', async () => {
    const ledger = open();
    await ledger.load();
    const categories = [{ categoryId: 1, capacity: 1, soldElsewhere: 0 }];
    await ledger.settle({ eventId: 1, fetchedAtMs: 1, categories }, []);
    await administer(`
      CREATE FUNCTION ${schema}.break_off() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the disk is gone'; END $$;
      CREATE CONSTRAINT TRIGGER break_off AFTER INSERT ON ${schema}.decisions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${schema}.break_off();`);
    const failed = { code: 'LEDGER_FAILED' };
    await expect(ledger.decide([saleOf('lock-1')])).rejects.toMatchObject(failed);
    await expect(ledger.abort(saleOf('lock-2'))).rejects.toMatchObject(failed);
    await administer(`DROP TRIGGER break_off ON ${schema}.decisions`);
    expect(await ledger.findMany(['lock-1', 'lock-2'])).toEqual([]);
    expect(await ledger.decide([saleOf('lock-1')])).toMatchObject({ decided: true });
    await ledger.close();
    await destroy();
  });
});

describe('tables of an earlier version', () => {
  test('are brought up to date where they are, with what is in them', async () => {
    const before = open();
    await before.load();
    const categories = [{ categoryId: 1, capacity: 5, soldElsewhere: 0 }];
    await before.settle({ eventId: 1, fetchedAtMs: 1, categories }, []);
    await before.decide([saleOf('lock-1')]);
    await before.nextEpoch(1);
    await before.close();
    // What the steps from the third on make.
    await administer(`
      DROP FUNCTION ${schema}.decide_sales; DROP TABLE ${schema}.claims, ${schema}.refunds;
      DELETE FROM ${schema}.schema_version WHERE version >= 3;`);
    const after = open();
    const ledgers = [after, open()];
    await Promise.all(ledgers.map((ledger) => ledger.load()));
    expect(await after.find('lock-1')).toMatchObject({ outcome: 'sold' });
    expect(await after.claim(1, 2)).toBe(true);
    const more = [saleOf('lock-1'), saleOf('lock-2', { epoch: 2 })];
    expect(await after.decide(more)).toMatchObject({ ok: true, decided: true });
    expect(await after.figures(1)).toMatchObject([{ confirmed: 2 }]);
    await Promise.all(ledgers.map((ledger) => ledger.close()));
    await destroy();
  });
});

test('a connection that is lost inside a transaction fails that call, and nothing else', async () => {
  const ledger = open();
  await ledger.load();
  const figures = { eventId: 1, categories: [{ categoryId: 1, capacity: 1, soldElsewhere: 0 }] };
  await ledger.settle({ ...figures, fetchedAtMs: 1 }, []);
  const call = () =>
    ledger.settle({ ...figures, fetchedAtMs: 2 }, []).catch((error: unknown) => error);
  // The end of the connection is an event of its own; without a listener it ends the process.
  expect(await endWhoeverWaitsFor('categories', call)).toMatchObject({ code: 'LEDGER_FAILED' });
  expect(await ledger.settle({ ...figures, fetchedAtMs: 3 }, [])).toBe(true);
  await ledger.close();
  await destroy();
});

/** Ends the connection of a call while it waits for a table, and of nobody else. */
async function endWhoeverWaitsFor(table: string, call: () => Promise<unknown>): Promise<unknown> {
  const other = new pg.Client(databaseUrl());
  await other.connect();
  await other.query(`BEGIN; LOCK TABLE ${schema}.${table}`);
  const { rows } = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const answer = call();
  const waiting = `FROM pg_stat_activity WHERE ${rows[0]?.pid} = ANY (pg_blocking_pids(pid))`;
  const isWaiting = async () => expect(await administer(`SELECT pid ${waiting}`)).toHaveLength(1);
  await vi.waitFor(isWaiting, { timeout: 20_000 });
  await administer(`SELECT pg_terminate_backend(pid) ${waiting}`);
  const outcome = await answer;
  await other.end();
  return outcome;
}

describe('rights', () => {
  test('whoever may only use the tables can work, once they are there', async () => {
    const role = `${schema}_user`;
    const owner = open();
    await owner.load();
    await administer(`
      CREATE ROLE ${role} LOGIN;
      GRANT USAGE ON SCHEMA ${schema} TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role};`);
    const url = new URL(databaseUrl());
    url.username = role;
    const user = new PostgresDecisionLedger({ url: url.href, schema });
    await user.load();
    const categories = [{ categoryId: 1, capacity: 1, soldElsewhere: 0 }];
    expect(await user.settle({ eventId: 1, fetchedAtMs: 1, categories }, [])).toBe(true);
    const other = new PostgresDecisionLedger({ url: url.href, schema: `${schema}_other` });
    await expect(other.load()).rejects.toMatchObject({ code: 'LEDGER_FORMAT' });
    await Promise.all([owner.close(), user.close(), other.close()]);
    await destroy();
    await administer(`DROP ROLE ${role}`);
  });
});
