import type { RushBuyer, RushStore } from './rush-store.js';
import type { RushTally } from './rush-tally.js';

export interface RushOptions {
  readonly store: RushStore;
  readonly tally: RushTally;
  readonly buyerCount: number;
  readonly namePrefix: string;
  readonly random: () => number;
  readonly onProgress: (progress: RushProgress) => void;
  readonly signal: AbortSignal;
}

/** `arriving`: buyers come in and wait. `open`: the sale is on. */
export interface RushProgress {
  readonly phase: 'arriving' | 'open' | 'over';
  readonly arrived: number;
  readonly finished: number;
}

/** Buyers who come in at once. From about ten on Chromium makes every WebSocket wait a while. */
const ARRIVING_AT_ONCE = 6;
const TICKETS_MAX = 4;
const TRIES_MAX = 4;
const FIRST_CLICK_MS_MAX = 800;
const THINKING_MS_MAX = 1500;
/** What somebody does with tickets that are locked for him, and how likely that is. */
const CHOICES = [
  { share: 0.6, choice: 'buy' },
  { share: 0.14, choice: 'give-back' },
  { share: 0.08, choice: 'leave' },
  { share: 0.1, choice: 'drop-and-come-back' },
  { share: 0.08, choice: 'drop' },
] as const;

type Choice = (typeof CHOICES)[number]['choice'];

/**
 * An on-sale rush: all buyers come in first, then the sale opens, and each of them locks, thinks,
 * and buys, leaves, or loses his line. Resolves when all are done or the signal aborts.
 */
export async function runRush(options: RushOptions): Promise<void> {
  const { store, buyerCount, namePrefix, tally, signal, onProgress } = options;
  let arrived = 0;
  let finished = 0;
  const tell = (phase: RushProgress['phase']) => onProgress({ phase, arrived, finished });
  const names = Array.from({ length: buyerCount }, (_, index) => `${namePrefix}-${index + 1}`);
  const buyers: RushBuyer[] = [];
  const arrive = async () => {
    for (let name = names.shift(); name !== undefined && !signal.aborted; name = names.shift()) {
      const buyer = await store.open(name);
      if (buyer === undefined) tally.count('turnedAway');
      else buyers.push(buyer);
      arrived += 1;
      tell('arriving');
    }
  };
  try {
    await Promise.all(Array.from({ length: ARRIVING_AT_ONCE }, arrive));
    tell('open');
    const visits = buyers.map(async (buyer) => {
      await visit(buyer, options);
      finished += 1;
      tell('open');
    });
    await Promise.all(visits);
  } finally {
    store.close();
    tell('over');
  }
}

async function visit(buyer: RushBuyer, options: RushOptions): Promise<void> {
  const { random, signal, tally } = options;
  await pause(random() * FIRST_CLICK_MS_MAX);
  for (let tries = 0; tries < TRIES_MAX && !signal.aborted; tries += 1) {
    const quantity = 1 + Math.floor(random() * TICKETS_MAX);
    tally.count('attempts');
    const answer = await buyer.lock(quantity);
    if (answer.granted) {
      tally.granted(answer.lockId, answer, performance.now());
      await pause(random() * THINKING_MS_MAX);
      const isDone = await decide(buyer, answer, options);
      if (isDone) return;
    } else {
      tally.count('refusals');
      await pause(random() * THINKING_MS_MAX);
    }
  }
  buyer.leave();
}

/** Returns whether he is through, and does not try again. */
async function decide(
  buyer: RushBuyer,
  { lockId, quantity }: { readonly lockId: string; readonly quantity: number },
  { random, tally }: RushOptions,
): Promise<boolean> {
  const choice = chosen(random());
  switch (choice) {
    case 'give-back':
      tally.unsure(lockId);
      tally.count('returns');
      await buyer.giveBack(lockId);
      return false;
    case 'leave':
      tally.unsure(lockId);
      tally.count('leaves');
      buyer.leave();
      return true;
    case 'drop':
      tally.unsure(lockId);
      tally.count('drops');
      await buyer.drop(false);
      return true;
    case 'drop-and-come-back':
      tally.unsure(lockId);
      tally.count('drops');
      await buyer.drop(true);
      break;
    case 'buy':
      break;
  }
  if (await buyer.buy(lockId)) tally.bought(lockId, quantity, performance.now());
  else tally.unsure(lockId);
  buyer.leave();
  return true;
}

function chosen(random: number): Choice {
  let sum = 0;
  for (const { share, choice } of CHOICES) {
    sum += share;
    if (random < sum) return choice;
  }
  return 'buy';
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
