import { workerData } from 'node:worker_threads';

import { servePort } from '../thread/serve-port.js';
import type { SqliteLockLedgerOptions } from './sqlite-lock-ledger.js';
import { SqliteStore } from './sqlite-store.js';

const { folder, ...options } = workerData as Omit<SqliteLockLedgerOptions, 'onWarning'>;
servePort(new SqliteStore({ folder }), options);
