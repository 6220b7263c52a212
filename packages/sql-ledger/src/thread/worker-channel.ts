import { Worker } from 'node:worker_threads';

import type {
  LedgerChannel,
  LedgerListener,
  LedgerReply,
  LedgerRequest,
} from './ledger-message.js';

/** The writing side in a worker thread. It begins with the first request. */
export class WorkerChannel implements LedgerChannel {
  readonly #begin: () => Worker;
  #worker: Worker | undefined;
  #listener: LedgerListener | undefined;

  /** `data` is handed to the worker, so it must be plain. */
  constructor(script: URL, data: unknown) {
    this.#begin = () => new Worker(script, { workerData: data, name: 'ticket-locks-ledger' });
  }

  listen(listener: LedgerListener): void {
    this.#listener = listener;
  }

  post(request: LedgerRequest): void {
    this.#worker ??= this.#started();
    this.#worker.postMessage(request, []);
  }

  async end(): Promise<void> {
    this.#listener = undefined;
    await this.#worker?.terminate();
  }

  #started(): Worker {
    const worker = this.#begin();
    worker.on('message', (reply: LedgerReply) => this.#listener?.onReply(reply));
    worker.on('error', (error) => this.#listener?.onEnd(error));
    worker.on('exit', () => this.#listener?.onEnd(new Error('its thread has ended')));
    return worker;
  }
}
