import { crc32 } from 'node:zlib';

import { randomKey } from '@ticket-locks/lock-engine';

import { undamaged } from '../ledger-error.js';
import { statement } from './database.js';
import type { Connection } from './database.js';

/** Makes the key of the resume tokens, if the ledger is new. */
export function makeTokenKey(db: Connection): void {
  const key = randomKey();
  statement(
    db,
    'INSERT INTO token_key (id, value, checksum) VALUES (1, ?, ?) ON CONFLICT DO NOTHING',
  ).run(key, crc32(key));
}

/** The key of the resume tokens. Throws `LEDGER_DAMAGED` when it is gone or was altered. */
export function readTokenKey(db: Connection): string {
  const [key, checksum] = statement(db, 'SELECT value, checksum FROM token_key').get() ?? [];
  const text = String(key);
  const isWhole = key !== undefined && crc32(text) === checksum;
  undamaged(isWhole, () => 'the key of the resume tokens is missing or was altered');
  return text;
}
