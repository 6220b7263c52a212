import type { ChangeBlock } from '../record/change-block.js';

/** What the owner's side asks of the side that writes. One at a time; each gets one final reply. */
export type LedgerRequest =
  | { readonly type: 'open' }
  | { readonly type: 'write'; readonly blocks: readonly Omit<ChangeBlock, 'checksum'>[] }
  /** Changes for the publisher. Any number at a time, beside the others; answered in order. */
  | { readonly type: 'read'; readonly afterSeq: number; readonly limit: number }
  /** The publisher has told everything up to here. No reply. */
  | { readonly type: 'mark'; readonly seq: number }
  | { readonly type: 'close' };

/**
 * Replies. `slice` comes any number of times before `opened`: a JSON array, of changes in their
 * order, or of the snapshot's rows of one kind as `[order, value]` in any order.
 */
export type LedgerReply =
  | { readonly type: 'slice'; readonly kind: SliceKind; readonly json: string }
  | {
      readonly type: 'opened';
      readonly tokenKey: string;
      readonly seq: number;
      readonly changedAtMs: number;
      /** Only when there is a publisher. */
      readonly publishedSeq: number | undefined;
    }
  | { readonly type: 'written' }
  /** To `read`: a JSON array of changes. */
  | { readonly type: 'read'; readonly json: string }
  | { readonly type: 'closed' }
  /** No reply to anything: something that somebody should look at, while the ledger goes on. */
  | { readonly type: 'warning'; readonly message: string }
  /** Final for the request that runs, and for everything after it. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

export type SliceKind = 'events' | 'locks' | 'requests' | 'changes';

/**
 * The way between the two sides: a worker thread, or nothing at all in tests.
 *
 * The listener is set once, before the first `post`. `onEnd` says that no reply will come any more.
 */
export interface LedgerChannel {
  post(request: LedgerRequest): void;
  listen(listener: LedgerListener): void;
  /** Lets go of the other side, which has nothing to do any more. */
  end(): Promise<void>;
}

export interface LedgerListener {
  onReply(reply: LedgerReply): void;
  onEnd(cause: Error): void;
}
