// What must have become of a lock, told from nothing but the answers: an independent book-keeper.
import type { DecidedLock, Decision } from './doubled-messages.js';

export interface Verdict {
  readonly end: 'confirmed' | 'released' | 'expired';
  /** Given back by the order that had confirmed it. */
  readonly isReturned: boolean;
  /** Answers that cannot all be true. */
  readonly problems: readonly string[];
}

/** Pure: reads no clock, performs no I/O. */
export function verdictOn({ lockId, decisions }: DecidedLock): Verdict {
  const confirms = decisions.filter(({ verb, answer }) => verb === 'confirm' && answer.success);
  const releases = decisions.filter(
    ({ verb, answer }) => verb === 'release' && answer['status'] === 'released',
  );
  const problems: string[] = [];
  if (new Set(confirms.map(orderOf)).size > 1) problems.push(`lock ${lockId} was sold twice`);
  const winner = confirms[0];
  const isReturned = winner !== undefined && releases.length > 0;
  const end = releases.length > 0 ? 'released' : winner === undefined ? 'expired' : 'confirmed';
  const isFitting = winner === undefined ? fitsUnsold(end) : fitsSold(orderOf(winner), isReturned);
  for (const decision of decisions) {
    if (isFitting(decision)) continue;
    problems.push(`lock ${lockId} is ${end}, but was told ${JSON.stringify(decision)}`);
  }
  if (isReturned) problems.push(...afterTheReturn(lockId, releases, confirms));
  return { end, isReturned, problems };
}

type Fitting = (decision: Decision) => boolean;

/** Released before anybody confirmed, or over before anybody decided. */
function fitsUnsold(end: Verdict['end']): Fitting {
  const code = end === 'released' ? 'LOCK_RELEASED' : 'LOCK_EXPIRED';
  return ({ verb, answer }) =>
    verb === 'release' ? answer.success && answer['status'] === end : answer.code === code;
}

/** The first confirm has won: its order hears success, others hear that they have lost. */
function fitsSold(winner: string | undefined, isReturned: boolean): Fitting {
  return ({ verb, orderId, answer }) => {
    if (verb === 'release') {
      const isWinners = orderId === winner;
      return answer.success ? isReturned : !isWinners && answer.code === 'ORDER_CONFLICT';
    }
    if (answer.code === 'LOCK_RELEASED') return isReturned;
    const isAllowed = orderId === undefined || orderId === winner;
    return isAllowed ? answer.success : answer.code === 'ORDER_CONFLICT';
  };
}

/** Nobody is told of a success who asked after the return was answered. */
function afterTheReturn(
  lockId: string,
  releases: readonly Decision[],
  confirms: readonly Decision[],
): string[] {
  const returnedAt = Math.min(...releases.map(({ answeredAt }) => answeredAt));
  const late = confirms.filter(({ sentAt }) => sentAt > returnedAt);
  return late.map((decision) => `${lockId} is returned, but told ${JSON.stringify(decision)}`);
}

/** The order that the lock was sold to. */
function orderOf({ answer }: Decision): string | undefined {
  return answer['orderId'] as string | undefined;
}
