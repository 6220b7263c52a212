/** Where the buyers of a rush lock and buy. */
export interface RushStore {
  /** Lets a buyer in; `undefined` when there is no place for him. */
  open(name: string): Promise<RushBuyer | undefined>;
  /** What the store says of the category, once it is known. */
  readonly figures: RushFigures | undefined;
  /** Sends away who is still there. */
  close(): void;
}

export interface RushFigures {
  readonly available: number;
  readonly locked: number;
  readonly sold: number;
}

/** One buyer in a rush: one lock at a time, in one category. */
export interface RushBuyer {
  lock(quantity: number): Promise<RushAnswer>;
  /** Whether the tickets of the lock were sold to him. */
  buy(lockId: string): Promise<boolean>;
  giveBack(lockId: string): Promise<void>;
  /** Loses his connection; resolves when he is back, if he comes back. */
  drop(comesBack: boolean): Promise<void>;
  /** Goes, and says so. */
  leave(): void;
}

export type RushAnswer =
  /** `endsAtMs` is on the page's own clock, and never later than the truth. */
  | {
      readonly granted: true;
      readonly lockId: string;
      readonly quantity: number;
      readonly endsAtMs: number;
    }
  | { readonly granted: false; readonly code: string };
