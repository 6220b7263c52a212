import { systemTimers } from '@ticket-locks/lock-engine';
import type { LockChange, Timers } from '@ticket-locks/lock-engine';

import { LedgerError, messageOf, undamaged } from '../ledger-error.js';
import { assertBlock, changesIn, sealBlock } from '../record/change-block.js';
import type { ChangeBlock } from '../record/change-block.js';
import { fold, needsOf } from '../record/fold.js';
import type { Fold } from '../record/fold.js';
import type { LedgerStore, Pages } from '../record/ledger-store.js';
import { assertRow } from '../record/snapshot-rows.js';
import type { SnapshotRow } from '../record/snapshot-rows.js';
import type { LedgerReply, LedgerRequest, SliceKind } from './ledger-message.js';
import { OutboxKeeper } from './outbox-keeper.js';
import type { OutboxOptions } from './outbox-keeper.js';

export interface LedgerHostOptions extends OutboxOptions {
  /**
   * Default 604,800,000 (7 days). How long changes are kept for the history after they were folded
   * in.
   */
  readonly historyMs?: number | undefined;
  /** Default 10,000. So many changes after the snapshot make a quiet moment be used for folding. */
  readonly foldAfter?: number | undefined;
  /** Default 500,000. So many are folded even when there is no quiet moment. */
  readonly foldAtLatest?: number | undefined;
  /** Default 500. How many changes are folded at once; writes wait meanwhile. */
  readonly foldChangesMax?: number | undefined;
  readonly timers?: Timers | undefined;
}

const HISTORY_MS = 7 * 86_400_000;
/** No request for so long is a quiet moment. */
const QUIET_MS = 20;

/**
 * The side that writes: takes one request after the other, and keeps the record short when nobody
 * waits.
 *
 * NEW -> `open` -> OPEN -> `close` -> CLOSED. Whatever fails leads to FAILED, where nothing is
 * written any more: a write after a failed one could make it look as if both had been kept.
 */
export class LedgerHost {
  readonly #store: LedgerStore;
  readonly #reply: (reply: LedgerReply) => void;
  readonly #timers: Timers;
  readonly #historyMs: number;
  #foldAfter: number;
  #foldAtLatest: number;
  readonly #foldChangesMax: number;
  readonly #outbox: OutboxKeeper;
  #mode: 'new' | 'open' | 'failed' | 'closed' = 'new';
  #busy: Promise<void> = Promise.resolve();
  #waitingCount = 0;
  #headSeq = 0;
  #lastSeq = 0;
  #lastMs = 0;
  #mayPrune = true;
  #hasGivenUp = false;
  #cancelQuiet: (() => void) | undefined;

  constructor(
    options: LedgerHostOptions & { store: LedgerStore; reply: (reply: LedgerReply) => void },
  ) {
    this.#store = options.store;
    this.#reply = options.reply;
    this.#timers = options.timers ?? systemTimers();
    this.#historyMs = options.historyMs ?? HISTORY_MS;
    this.#foldAfter = options.foldAfter ?? 10_000;
    this.#foldAtLatest = options.foldAtLatest ?? 500_000;
    this.#foldChangesMax = options.foldChangesMax ?? 500;
    this.#outbox = new OutboxKeeper(options.store, options);
  }

  /** Serves the request when those before it are done. */
  take(request: LedgerRequest): void {
    this.#waitingCount += 1;
    void this.#alone(async () => {
      this.#waitingCount -= 1;
      await this.#serve(request);
    });
  }

  async #serve(request: LedgerRequest): Promise<void> {
    switch (request.type) {
      case 'open':
        return this.#open();
      case 'write':
        return this.#write(request.blocks);
      case 'read':
        return this.#read(request.afterSeq, request.limit);
      case 'mark':
        this.#outbox.note(request.seq);
        return this.#armQuiet();
      case 'close':
        return this.#close();
    }
  }

  async #open(): Promise<void> {
    const { tokenKey } = await this.#store.open((cause) => this.#fail(cause));
    const head = await this.#store.head();
    await this.#sendRows('events', this.#store.events(), head.eventCount);
    await this.#sendRows('locks', this.#store.locks(), head.lockCount);
    await this.#sendRows('requests', this.#store.requests(), head.requestCount);
    this.#headSeq = head.seq;
    this.#lastSeq = head.seq;
    this.#lastMs = head.changedAtMs;
    for await (const blocks of this.#store.blocksAfter(head.seq)) {
      for (const block of blocks) {
        assertBlock(block, this.#lastSeq);
        this.#lastSeq = block.lastSeq;
        this.#lastMs = block.toMs;
        this.#reply({ type: 'slice', kind: 'changes', json: block.body });
      }
    }
    const acknowledgedSeq = await this.#store.acknowledgedSeq();
    undamaged(
      this.#lastSeq >= acknowledgedSeq,
      () =>
        `it ends with change ${this.#lastSeq}, and changes up to ${acknowledgedSeq} were answered`,
    );
    const publishedSeq = await this.#outbox.open(this.#lastSeq);
    this.#mode = 'open';
    const { seq, changedAtMs } = head;
    this.#reply({ type: 'opened', tokenKey, seq, changedAtMs, publishedSeq });
    this.#armQuiet();
  }

  async #write(unsealed: readonly Omit<ChangeBlock, 'checksum'>[]): Promise<void> {
    if (this.#mode !== 'open') throw new LedgerError('LEDGER_CLOSED', 'the ledger is not open');
    const blocks = unsealed.map(sealBlock);
    await this.#store.write(blocks);
    const last = blocks.at(-1);
    this.#lastSeq = last?.lastSeq ?? this.#lastSeq;
    this.#lastMs = last?.toMs ?? this.#lastMs;
    this.#mayPrune = true;
    this.#reply({ type: 'written' });
    if (this.#outbox.isMarkOverdue) await this.#outbox.writeMark();
    if (this.#lastSeq - this.#headSeq >= this.#foldAtLatest) await this.#foldSome();
    this.#armQuiet();
  }

  async #read(afterSeq: number, limit: number): Promise<void> {
    if (this.#mode !== 'open') throw new LedgerError('LEDGER_CLOSED', 'the ledger is not open');
    const changes = await this.#outbox.read(afterSeq, limit);
    this.#reply({ type: 'read', json: JSON.stringify(changes) });
    this.#armQuiet();
  }

  async #close(): Promise<void> {
    this.#cancelQuiet?.();
    if (this.#mode === 'open') await this.#outbox.writeMark();
    if (this.#mode !== 'failed') this.#mode = 'closed';
    await this.#store.close();
    this.#reply({ type: 'closed' });
  }

  /** Reads a kind of rows, checks each, and sends them on a page at a time. */
  async #sendRows(
    kind: SliceKind,
    pages: Pages<SnapshotRow>,
    expectedCount: number,
  ): Promise<void> {
    let count = 0;
    for await (const rows of pages) {
      for (const row of rows) assertRow(kind.slice(0, -1), row);
      count += rows.length;
      const values = rows.map(({ order, body }) => `[${order},${body}]`);
      this.#reply({ type: 'slice', kind, json: `[${values.join(',')}]` });
    }
    undamaged(
      count === expectedCount,
      () => `the snapshot has ${count} ${kind}, not ${expectedCount}`,
    );
  }

  #armQuiet(): void {
    this.#cancelQuiet?.();
    if (this.#mode !== 'open') return;
    this.#cancelQuiet = this.#timers.after(QUIET_MS, () => void this.#alone(() => this.#tidy()));
  }

  /**
   * Folds and forgets a little, again and again, as long as nobody waits and something is left to
   * do.
   */
  async #tidy(): Promise<void> {
    if (this.#mode !== 'open' || this.#waitingCount > 0) return;
    if (this.#outbox.hasMark) {
      await this.#outbox.writeMark();
      this.#mayPrune = true;
    }
    const mayFold = this.#lastSeq - this.#headSeq >= this.#foldAfter;
    if (mayFold) await this.#foldSome();
    else if (this.#mayPrune) this.#mayPrune = await this.#prune();
    else return;
    this.#armQuiet();
  }

  async #foldSome(): Promise<void> {
    const changes: LockChange[] = [];
    let seq = this.#headSeq;
    for await (const blocks of this.#store.blocksAfter(this.#headSeq)) {
      for (const block of blocks) {
        if (changes.length >= this.#foldChangesMax) break;
        assertBlock(block, seq);
        changes.push(...changesIn(block));
        seq = block.lastSeq;
      }
      if (changes.length >= this.#foldChangesMax) break;
    }
    if (changes.length === 0) return;
    const head = await this.#store.head();
    const rows = await this.#store.readFor(needsOf(changes));
    const folded = this.#tryFold(() => fold(head, rows, changes));
    if (folded === undefined) return;
    await this.#store.writeFold(folded);
    this.#headSeq = seq;
    this.#mayPrune = true;
  }

  /**
   * A record that cannot be folded is still whole: the next start replays all of it, and judges.
   * Stopping to take orders over housekeeping would help nobody, so the record grows instead, and
   * this is said.
   */
  #tryFold(make: () => Fold): Fold | undefined {
    try {
      return make();
    } catch (error) {
      this.#foldAfter = Infinity;
      this.#foldAtLatest = Infinity;
      this.#reply({
        type: 'warning',
        message: `old changes cannot be folded: ${messageOf(error)}`,
      });
      return undefined;
    }
  }

  #prune(): Promise<boolean> | boolean {
    const instantMs = this.#lastMs - this.#historyMs;
    if (this.#outbox.isBeyondBound(this.#lastSeq) && !this.#hasGivenUp) {
      this.#hasGivenUp = true;
      const message = 'too many changes wait to be published: those past the history are given up';
      this.#reply({ type: 'warning', message });
    }
    const seq = this.#outbox.forgettableSeq(this.#headSeq, this.#lastSeq);
    return this.#store.prune({ seq, instantMs });
  }

  /**
   * Runs the work when what was begun before is done. The first failure is the last thing that is
   * said.
   */
  async #alone(work: () => Promise<void>): Promise<void> {
    const before = this.#busy;
    this.#busy = (async () => {
      await before;
      try {
        await work();
      } catch (error) {
        this.#fail(error);
      }
    })();
    return this.#busy;
  }

  #fail(error: unknown): void {
    if (this.#mode === 'closed') return;
    this.#mode = 'failed';
    this.#cancelQuiet?.();
    const code = error instanceof LedgerError ? error.code : 'LEDGER_FAILED';
    this.#reply({ type: 'failed', code, message: messageOf(error) });
  }
}
