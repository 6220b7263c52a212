import type { Id } from '../engine/id.js';
import type { Clock } from '../ports/clock.js';
import type {
  DecidedFigures,
  DecisionLedger,
  DecisionRecord,
  DecisionResult,
  InventoryFigures,
  SaleDecision,
} from '../ports/decision-ledger.js';
import { memoryRefunds } from './memory-refunds.js';

type Figures = { -readonly [Name in keyof DecidedFigures]: DecidedFigures[Name] };

const PAGE = 100;

/**
 * A decision ledger that lives as long as the process: for tests, and for nothing that is worth
 * money.
 */
export function memoryDecisionLedger(clock: Clock, tokenKey = 'test-key'): DecisionLedger {
  const records = new Map<string, DecisionRecord>();
  const events = new Map<Id, Map<Id, Figures>>();
  let epoch = 1;

  const figuresOf = ({ eventId, categoryId }: SaleDecision) => events.get(eventId)?.get(categoryId);
  const write = (sale: SaleDecision, outcome: DecisionRecord['outcome']): DecisionResult => {
    const record = { ...sale, outcome, decidedAtMs: clock.nowMs(), settled: false };
    records.set(sale.lockId, record);
    return { ok: true, decided: true, record };
  };
  const standing = (lockId: string): DecisionResult | undefined => {
    const record = records.get(lockId);
    return record && { ok: true, decided: false, record };
  };

  return {
    ...memoryRefunds(records),
    load: async () => ({ epoch, tokenKey }),
    decide: async (sale) => {
      const earlier = standing(sale.lockId);
      if (earlier !== undefined) return earlier;
      if (sale.epoch !== epoch) return { ok: false, reason: 'fenced' };
      const figures = figuresOf(sale);
      const bound = Math.max(figures?.capacity ?? 0, sale.capacityAtGrant);
      if (figures === undefined) return { ok: false, reason: 'capacity' };
      if (figures.soldElsewhere + figures.confirmed + sale.quantity > bound)
        return { ok: false, reason: 'capacity' };
      figures.confirmed += sale.quantity;
      return write(sale, 'sold');
    },
    abort: async (sale) => standing(sale.lockId) ?? write(sale, 'aborted'),
    return: async (lockId, orderId) => {
      const record = records.get(lockId);
      if (record === undefined) return { ok: false, reason: 'unknown' };
      const mayReturn = record.outcome === 'sold' && !record.settled && record.orderId === orderId;
      if (!mayReturn) return { ok: true, decided: false, record };
      const figures = figuresOf(record);
      if (figures !== undefined) figures.confirmed -= record.quantity;
      return write(record, 'returned');
    },
    find: async (lockId) => records.get(lockId),
    settle: async (figures, lockIds) => settleIn(events, records, figures, lockIds),
    nextEpoch: async (present) => {
      if (present !== epoch) return { epoch, begun: false };
      epoch += 1;
      return { epoch, begun: true };
    },
    events: async () => [...events.keys()],
    figures: async (eventId) => {
      const all = [...(events.get(eventId)?.values() ?? [])].map((figures) => ({ ...figures }));
      return all.sort((a, b) => compare(a.categoryId, b.categoryId));
    },
    list: async (eventId, after) => {
      const all = [...records.values()].filter(
        (record) => record.eventId === eventId && record.outcome === 'sold' && !record.settled,
      );
      const start = after === undefined ? 0 : all.findIndex(({ lockId }) => lockId === after) + 1;
      return all.slice(start, start + PAGE);
    },
    close: async () => undefined,
  };
}

function settleIn(
  events: Map<Id, Map<Id, Figures>>,
  records: Map<string, DecisionRecord>,
  { eventId, fetchedAtMs, categories }: InventoryFigures,
  lockIds: readonly string[],
): boolean {
  const known = events.get(eventId) ?? new Map<Id, Figures>();
  for (const figures of known.values()) if (figures.fetchedAtMs > fetchedAtMs) return false;
  events.set(eventId, known);
  for (const { categoryId, capacity, soldElsewhere } of categories) {
    const confirmed = known.get(categoryId)?.confirmed ?? 0;
    known.set(categoryId, { categoryId, capacity, soldElsewhere, confirmed, fetchedAtMs });
  }
  for (const lockId of lockIds) {
    const record = records.get(lockId);
    if (record?.eventId !== eventId || record.outcome !== 'sold' || record.settled) continue;
    records.set(lockId, { ...record, settled: true });
    const figures = known.get(record.categoryId);
    if (figures !== undefined) figures.confirmed -= record.quantity;
  }
  return true;
}

function compare(a: Id, b: Id): number {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
