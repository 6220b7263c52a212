import type { LedgerReader } from '../record/ledger-store.js';
import { ChangeTable } from './change-table.js';
import type { Connection } from './database.js';
import { EventTable } from './event-table.js';
import { HeadTable } from './head-table.js';
import { LockTable } from './lock-table.js';
import { RequestTable } from './request-table.js';

/** The tables of an open ledger. */
export class LedgerTables {
  readonly changes: ChangeTable;
  readonly events: EventTable;
  readonly head: HeadTable;
  readonly locks: LockTable;
  readonly requests: RequestTable;

  constructor(db: Connection) {
    this.changes = new ChangeTable(db);
    this.events = new EventTable(db);
    this.head = new HeadTable(db);
    this.locks = new LockTable(db);
    this.requests = new RequestTable(db);
  }

  reader(acknowledgedSeq: () => number): LedgerReader {
    return {
      head: () => this.head.read(),
      acknowledgedSeq,
      events: () => this.events.pages(),
      locks: () => this.locks.pages(),
      requests: () => this.requests.pages(),
      blocksAfter: (seq) => this.changes.after(seq),
    };
  }
}
