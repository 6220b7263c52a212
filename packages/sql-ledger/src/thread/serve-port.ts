import { parentPort } from 'node:worker_threads';

import type { LedgerStore } from '../record/ledger-store.js';
import { LedgerHost } from './ledger-host.js';
import type { LedgerHostOptions } from './ledger-host.js';
import type { LedgerRequest } from './ledger-message.js';

/** Serves the requests that come to this worker thread. */
export function servePort(store: LedgerStore, options: LedgerHostOptions): void {
  const port = parentPort;
  if (port === null) throw new TypeError('a ledger worker runs in a worker thread');
  const host = new LedgerHost({ ...options, store, reply: (reply) => port.postMessage(reply) });
  port.on('message', (request: LedgerRequest) => host.take(request));
}
