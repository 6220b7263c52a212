// A small service under load, to be killed: fifty buyers who write down what they ask and what they
// are told.
import { openSync, writeSync } from 'node:fs';

import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import { PostgresLockLedger } from '@ticket-locks/sql-ledger/postgres';
import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';

import { randomIntegers } from './box-office.js';
import { busyOptions } from './busy-options.js';
import type { BusyCommand } from './busy-options.js';

const [folder = '', seed = '1', notes = '/dev/null'] = process.argv.slice(2);
const random = randomIntegers(Number(seed) * 7919 + 1);
// Either a folder, or a schema of the test database.
const { TEST_DATABASE_URL: url = '', BUSY_DATABASE_SCHEMA: schema } = process.env;
const ledger =
  folder === ''
    ? new PostgresLockLedger({ url, schema, foldAtLatest: 3_000 })
    : new SqliteLockLedger({ folder, foldAtLatest: 3_000 });
const locks = new LocalTicketLocks({ ...busyOptions(), ledger });
const file = openSync(notes, 'a');
let count = 0;
const state = { hasFailed: false };

/** Into the file at once: what was told is told, whatever happens to this process next. */
function note(line: unknown): void {
  writeSync(file, `${JSON.stringify(line)}\n`);
}

async function ask<Answer>(command: BusyCommand, question: () => Promise<Answer>): Promise<Answer> {
  const id = (count += 1);
  note({ id, asked: command });
  const answer = await question();
  note({ id, told: answer });
  if (id === 1) process.stdout.write('busy\n');
  return answer;
}

async function buy(userId: number, visit: number): Promise<void> {
  const requestId = `r-${userId}-${visit}`;
  const order = { eventId: 1, categoryId: 1 + random(8), quantity: 1 + random(4) };
  const lock = { ...order, userId, sessionId: `session-${userId}`, requestId };
  const locked = await ask({ verb: 'lock', ...lock }, () => locks.lock(lock));
  if (!locked.ok) return;
  const { lockId } = locked.value;
  for (let more = random(3); more > 0; more -= 1) {
    if (random(2) === 0) {
      await ask({ verb: 'extend', lockId }, () => locks.extend({ lockId }));
    } else if (order.quantity > 1) {
      order.quantity -= 1;
      const quantity = 1;
      await ask({ verb: 'unlock', lockId, quantity }, () => locks.unlock({ lockId, quantity }));
    }
  }
  const orderId = `order-${userId}-${visit}`;
  const end = random(4);
  if (end === 0) await ask({ verb: 'unlock', lockId }, () => locks.unlock({ lockId }));
  if (end === 1) await ask({ verb: 'release', lockId }, () => locks.release({ lockId }));
  if (end >= 2) {
    await ask({ verb: 'confirm', lockId, orderId }, () => locks.confirm({ lockId, orderId }));
  }
}

async function visitAgainAndAgain(userId: number): Promise<void> {
  for (let visit = 0; !state.hasFailed; visit += 1) await buy(userId, visit);
}

locks.on('failure', ({ message }) => {
  note({ failure: message });
  state.hasFailed = true;
  // After the answers that are on their way.
  setImmediate(() => process.exit(1));
});
await locks.start();
await Promise.all(
  Array.from({ length: 50 }, (_, index) => visitAgainAndAgain(Number(seed) * 100 + index)),
);
