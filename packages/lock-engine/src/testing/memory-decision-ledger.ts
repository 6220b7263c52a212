import type { Id } from '../engine/id.js';
import type { Clock } from '../ports/clock.js';
import type {
  DecidedFigures,
  DecisionLedger,
  DecisionRecord,
  DecisionResult,
  InventoryFigures,
  SaleDecision,
  SalesResult,
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
  /** The epoch in which each event was claimed last. */
  const claims = new Map<Id, number>();
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

  const refusalOf = (sales: readonly SaleDecision[]): SalesResult | undefined => {
    for (const { lockId, orderId } of sales) {
      const record = records.get(lockId);
      if (record === undefined || isSoldTo(record, orderId)) continue;
      return { ok: false, reason: 'recorded', record };
    }
    const open = sales.filter(({ lockId }) => !records.has(lockId));
    const fenced = open.find((sale) => sale.epoch !== epoch);
    if (fenced !== undefined) return { ok: false, reason: 'fenced', lockId: fenced.lockId };
    const taken = new Map<Id, number>();
    for (const sale of open) {
      const figures = figuresOf(sale);
      const quantity = (taken.get(sale.categoryId) ?? 0) + sale.quantity;
      taken.set(sale.categoryId, quantity);
      if (figures !== undefined && hasRoom(figures, quantity, sale.capacityAtGrant)) continue;
      return { ok: false, reason: 'capacity', lockId: sale.lockId };
    }
    return undefined;
  };

  return {
    ...memoryRefunds(records),
    load: async () => ({ epoch, tokenKey }),
    decide: async (sales) => {
      const refusal = refusalOf(sales);
      if (refusal !== undefined) return refusal;
      const open = sales.filter(({ lockId }) => !records.has(lockId));
      for (const sale of open) {
        const figures = figuresOf(sale);
        if (figures !== undefined) figures.confirmed += sale.quantity;
        write(sale, 'sold');
      }
      const sold = sales.flatMap(({ lockId }) => records.get(lockId) ?? []);
      return { ok: true, decided: open.length > 0, records: sold };
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
    findMany: async (lockIds) => lockIds.flatMap((lockId) => records.get(lockId) ?? []),
    settle: async (figures, lockIds) => settleIn(events, records, figures, lockIds),
    nextEpoch: async (present) => {
      if (present !== epoch) return { epoch, begun: false };
      epoch += 1;
      return { epoch, begun: true };
    },
    epoch: async () => epoch,
    claim: async (eventId, claimed) => {
      if (claimed !== epoch || claims.get(eventId) === claimed) return false;
      claims.set(eventId, claimed);
      return true;
    },
    events: async () => [...events.keys()],
    figures: async (eventId) => {
      const all = [...(events.get(eventId)?.values() ?? [])].map((figures) => ({ ...figures }));
      return all.sort((a, b) => compare(a.categoryId, b.categoryId));
    },
    list: async (eventId, after) => {
      const all = [...records.values()];
      const start = after === undefined ? 0 : all.findIndex(({ lockId }) => lockId === after) + 1;
      const isListed = ({ outcome, settled, ...record }: DecisionRecord) =>
        record.eventId === eventId && outcome === 'sold' && !settled;
      return all.slice(start).filter(isListed).slice(0, PAGE);
    },
    close: async () => undefined,
  };
}

function isSoldTo(record: DecisionRecord, orderId: Id | undefined): boolean {
  return record.outcome === 'sold' && (orderId === undefined || orderId === record.orderId);
}

function hasRoom(figures: Figures, quantity: number, capacityAtGrant: number): boolean {
  const { capacity, soldElsewhere, confirmed } = figures;
  return soldElsewhere + confirmed + quantity <= Math.max(capacity, capacityAtGrant);
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
