import { workerData } from 'node:worker_threads';

import { servePort } from '../thread/serve-port.js';
import type { PostgresLockLedgerOptions } from './postgres-lock-ledger.js';
import { PostgresStore } from './postgres-store.js';

const options = workerData as Omit<PostgresLockLedgerOptions, 'onWarning'>;
servePort(new PostgresStore(options), options);
