import type { OpenedRecord } from '../record/ledger-store.js';
import { keyOf } from '../record/snapshot-rows.js';
import { readWhole } from './reading.js';
import type { Reading } from './reading.js';

/**
 * Reads every record, and compares what the engine makes of them with a count by hand. `problems`
 * is empty when all is well.
 */
export async function verify(
  record: OpenedRecord,
): Promise<{ readonly lines: readonly string[]; readonly problems: readonly string[] }> {
  const damaged = await record.problems();
  if (damaged.length > 0) return { lines: [], problems: damaged };
  const reading = await readWhole(record.reader);
  const counted = reading.recount.at(reading.lastMs);
  const problems: string[] = [];
  for (const { eventId, categoryId, locked, confirmed } of reading.categories) {
    const sum = counted.get(keyOf([eventId, categoryId])) ?? { locked: 0, confirmed: 0 };
    const where = `event ${eventId}, category ${categoryId}`;
    if (sum.locked !== locked)
      problems.push(`${where}: locked is ${locked}, the records add up to ${sum.locked}`);
    if (sum.confirmed !== confirmed)
      problems.push(`${where}: confirmed is ${confirmed}, the records add up to ${sum.confirmed}`);
  }
  const from = reading.isHistoryWhole ? 'the first change' : `change ${reading.firstSeq}`;
  return {
    lines: [
      `${reading.blockCount} blocks of changes from ${from} to change ${reading.lastSeq}: whole`,
      `snapshot at change ${reading.snapshotSeq}: whole`,
      `${reading.stats.totalLocks} locks in ${reading.categories.length} categories, recounted`,
    ],
    problems,
  };
}

export async function stats(record: OpenedRecord): Promise<readonly string[]> {
  const reading = await readWhole(record.reader);
  const { activeLocks, locksByStatus, unsettledLocks, rememberedRequests } = reading.stats;
  const { confirmed, released, expired } = locksByStatus;
  return [
    `${record.place}: ${((await record.size()) / 1e6).toFixed(1)} MB`,
    `changes ${reading.firstSeq} to ${reading.lastSeq}, ${spanOf(reading)}`,
    `snapshot at change ${reading.snapshotSeq}`,
    `locks: ${activeLocks} active, ${confirmed} confirmed (${unsettledLocks} unsettled), ` +
      `${released} released, ${expired} expired; ${rememberedRequests} requests remembered`,
    ...reading.categories.map(
      (category) =>
        `event ${category.eventId}, category ${category.categoryId}: capacity ` +
        `${category.capacity}, sold ${category.sold} (${category.confirmed} here and unsettled), ` +
        `locked ${category.locked}, available ${category.available}, deficit ${category.deficit}`,
    ),
  ];
}

function spanOf({ firstMs, lastMs, lastSeq }: Reading): string {
  if (lastSeq === 0) return 'nothing yet';
  return `${new Date(firstMs).toISOString()} to ${new Date(lastMs).toISOString()}`;
}
