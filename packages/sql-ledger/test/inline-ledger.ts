import { GroupCommitLedger } from '../src/thread/group-commit-ledger.js';
import { LedgerHost } from '../src/thread/ledger-host.js';
import type { LedgerHostOptions } from '../src/thread/ledger-host.js';
import type { LedgerChannel, LedgerListener, LedgerRequest } from '../src/thread/ledger-message.js';
import type { LedgerStore } from '../src/record/ledger-store.js';

type ChannelStep = 'request' | 'reply' | 'answered';

export interface InlineLedgerOptions extends LedgerHostOptions {
  readonly store: LedgerStore;
  /**
   * Called where a real channel hands over: before the request arrives, and around the reply to a
   * write.
   */
  readonly onStep?: (step: ChannelStep) => void;
  readonly onWarning?: (message: string) => void;
}

/** The ledger with both sides in one thread, so that a test can stand between them. */
export function inlineLedger({ store, onStep, onWarning, ...options }: InlineLedgerOptions) {
  let listener: LedgerListener | undefined;
  const host = new LedgerHost({
    ...options,
    store,
    reply: (reply) => {
      if (reply.type !== 'written') return listener?.onReply(reply);
      onStep?.('reply');
      listener?.onReply(reply);
      onStep?.('answered');
    },
  });
  const channel: LedgerChannel = {
    listen: (given) => {
      listener = given;
    },
    post: (request: LedgerRequest) => {
      if (request.type === 'write') onStep?.('request');
      host.take(structuredClone(request));
    },
    end: () => Promise.resolve(),
  };
  return new GroupCommitLedger(channel, { place: 'the test ledger', onWarning });
}
