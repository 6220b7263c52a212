import type { DecisionRecord, Id, LockChange, LockErrorCode } from '@ticket-locks/lock-engine';

import { routeOf } from '../../src/event-key.js';

// What the callers of a round saw. Instants are milliseconds of one monotonic clock.

export type Wish =
  | 'lock'
  | 'give-back'
  | 'extend'
  | 'begin-payment'
  | 'confirm'
  | 'release'
  | 'leave';

/** One call as its caller saw it, about one lock. */
export interface Asked {
  readonly wish: Wish;
  readonly store: number;
  readonly calledAtMs: number;
  readonly answeredAtMs: number;
  readonly code: 'ok' | LockErrorCode;
  /** Tickets under the lock afterwards, if the call is carried out. */
  readonly quantity?: number;
  /** Until the end of the lock, as the answer says. */
  readonly expiresInMs?: number;
  readonly orderId?: Id;
  readonly late?: true;
  /** One call was about several locks, and was refused because of another of them. */
  readonly isForAnother?: true;
  /** The answer says that this call, or one before, gave the tickets back. */
  readonly isReleased?: true;
}

/** A lock that somebody was told of, with everything that was asked about it. */
export interface LockStory {
  readonly lockId: string;
  readonly place: string;
  readonly userId: Id;
  /** Of the grant; it is in the id. */
  readonly epoch: number;
  /** The store that has the user's session. */
  readonly owner: number;
  /** The owner's store itself was asked, and answered at once: it knows of the lock for sure. */
  readonly isKnownToOwner: boolean;
  readonly asked: Asked[];
}

/** What a store showed of a category. */
export interface FiguresSeen {
  readonly store: number;
  readonly place: string;
  readonly calledAtMs: number;
  readonly answeredAtMs: number;
  readonly available: number;
}

/** What the ledger held at one instant between the call and its answer. */
export interface LedgerSeen {
  readonly calledAtMs: number;
  readonly answeredAtMs: number;
  readonly epoch: number;
  /** Tickets of sold records, by place. */
  readonly sold: ReadonlyMap<string, number>;
}

/** A change that a store told. */
export interface Heard {
  readonly store: number;
  readonly heardAtMs: number;
  readonly change: LockChange;
}

/** What is answered about a lock when all is quiet again. */
export interface Verdict {
  readonly lockId: string;
  readonly confirm: 'ok' | LockErrorCode;
  readonly unlock: 'ok' | LockErrorCode;
  /** It is among the locks of its user. */
  readonly isListed: boolean;
}

/** All that is known of a round. */
export interface Evidence {
  readonly capacities: ReadonlyMap<string, number>;
  readonly stories: readonly LockStory[];
  readonly figures: readonly FiguresSeen[];
  readonly ledger: readonly LedgerSeen[];
  readonly heard: readonly Heard[];
  /** Every record of the ledger when all is quiet. */
  readonly records: readonly DecisionRecord[];
  readonly verdicts: readonly Verdict[];
}

/** Something that must never be, in words. */
export interface Problem {
  readonly rule:
    | 'availability'
    | 'double promise'
    | 'loss unsaid'
    | 'oversell'
    | 'quiet'
    | 'refused'
    | 'stuck'
    | 'told';
  readonly detail: string;
  /** The locks it is about, where it is about some. */
  readonly lockIds?: readonly string[];
}

/** Where tickets are from: a category of an event. */
export function placeOf(eventId: Id, categoryId: Id): string {
  return `${eventId}/${categoryId}`;
}

/** Writes down what callers see, while they see it. */
export class Journal {
  readonly stories = new Map<string, LockStory>();
  readonly figures: FiguresSeen[] = [];
  readonly ledger: LedgerSeen[] = [];
  readonly heard: Heard[] = [];
  readonly problems: Problem[] = [];
  /** Answers, by their code. */
  readonly answers = new Map<string, number>();

  /** A lock was granted, or grew. */
  grant(about: Omit<LockStory, 'epoch' | 'asked'>, asked: Asked): void {
    const epoch = routeOf(about.lockId)?.epoch ?? 0;
    const story = this.stories.get(about.lockId) ?? { ...about, epoch, asked: [] };
    story.asked.push(asked);
    this.stories.set(about.lockId, story);
  }

  ask(lockId: string, asked: Asked): void {
    this.stories.get(lockId)?.asked.push(asked);
  }

  count(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }
}
