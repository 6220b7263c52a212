import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import Database from 'libsql';

import { SETTINGS } from './settings.js';
import type { Settings } from './settings.js';

/** What the orders service tells of an order. */
export interface OrderNews {
  readonly orderId: string | number;
  readonly eventId: number;
  readonly categoryId: number;
  readonly quantity: number;
}

/** A row as the database gives it: sums and decimals are texts, as many drivers have it. */
export interface TicketCategory {
  readonly id: number;
  readonly eventId: number;
  readonly categoryName: string;
  readonly price: string;
  readonly totalSeats: number;
  readonly reservedSeats: string;
  readonly availableSeats: string;
  readonly isActive: boolean;
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, cancelled INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS categories (
    id INTEGER PRIMARY KEY,
    event_id INTEGER NOT NULL REFERENCES events (id),
    name TEXT NOT NULL,
    price TEXT NOT NULL,
    total_seats INTEGER NOT NULL CHECK (total_seats >= 0)
  );
  CREATE TABLE IF NOT EXISTS sales (
    order_id TEXT PRIMARY KEY,
    category_id INTEGER NOT NULL REFERENCES categories (id),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    cancelled INTEGER NOT NULL DEFAULT 0
  );
`;
const FIRST_EVENTS = `
  INSERT OR IGNORE INTO events (id) VALUES (1), (2);
  INSERT OR IGNORE INTO categories (id, event_id, name, price, total_seats) VALUES
    (1, 1, 'Stalls', '49.90', 50), (2, 1, 'Box', '120.00', 5), (3, 2, 'Standing', '25.00', 100);
`;
const CATEGORIES = `
  SELECT categories.id, event_id AS eventId, name AS categoryName, price,
    total_seats AS totalSeats,
    CAST(COALESCE(SUM(quantity), 0) AS TEXT) AS reservedSeats,
    CAST(total_seats - COALESCE(SUM(quantity), 0) AS TEXT) AS availableSeats
  FROM categories LEFT JOIN sales ON category_id = categories.id AND cancelled = 0
  WHERE event_id = ? GROUP BY categories.id ORDER BY categories.id
`;
// The order id is the key: told twice, a sale is counted once. Cancelled before it is sold, it
// stays cancelled.
const COUNT_SALE = `
  INSERT INTO sales (order_id, category_id, quantity) VALUES (?, ?, ?)
  ON CONFLICT (order_id) DO NOTHING
`;
const CANCEL_SALE = `
  INSERT INTO sales (order_id, category_id, quantity, cancelled) VALUES (?, ?, ?, 1)
  ON CONFLICT (order_id) DO UPDATE SET cancelled = 1
`;

/**
 * The truth about capacity and sales. It promises nothing to buyers: that is what ticket locks are
 * for.
 */
@Injectable()
export class SeatRegister implements OnModuleDestroy {
  readonly #database: Database.Database;

  constructor(@Inject(SETTINGS) settings: Settings) {
    this.#database = new Database(settings.databaseFile);
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    this.#database.exec(TABLES);
    this.#database.exec(FIRST_EVENTS);
  }

  /** `undefined` when there is no such event. */
  categoriesOf(eventId: number): TicketCategory[] | undefined {
    const event = this.#row('SELECT cancelled FROM events WHERE id = ?', eventId);
    if (event === undefined) return undefined;
    const rows = this.#database.prepare(CATEGORIES).all(eventId) as TicketCategory[];
    return rows.map((row) => ({ ...row, isActive: event['cancelled'] === 0 }));
  }

  count({ orderId, categoryId, quantity }: OrderNews): void {
    this.#database.prepare(COUNT_SALE).run(String(orderId), categoryId, quantity);
  }

  cancel({ orderId, categoryId, quantity }: OrderNews): void {
    this.#database.prepare(CANCEL_SALE).run(String(orderId), categoryId, quantity);
  }

  /** Returns the event of the category, or `undefined` when there is no such category. */
  changeCapacity(categoryId: number, totalSeats: number): number | undefined {
    const sql = 'UPDATE categories SET total_seats = ? WHERE id = ? RETURNING event_id AS eventId';
    return this.#row(sql, totalSeats, categoryId)?.['eventId'] as number | undefined;
  }

  cancelEvent(eventId: number): void {
    this.#database.prepare('UPDATE events SET cancelled = 1 WHERE id = ?').run(eventId);
  }

  onModuleDestroy(): void {
    this.#database.close();
  }

  #row(sql: string, ...values: unknown[]): Record<string, unknown> | undefined {
    return this.#database.prepare(sql).get(...values) as Record<string, unknown> | undefined;
  }
}
