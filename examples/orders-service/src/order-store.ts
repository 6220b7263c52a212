import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import Database from 'libsql';

import { SETTINGS } from './settings.js';
import type { Settings } from './settings.js';

/**
 * How far an order has come.
 *
 * `new` -> `paid` -> `confirmed` -> `completed`, or
 * `new` -> `declined` -> `failed` (nothing was paid, the tickets go back), or
 * `paid` -> `refund-due` -> `refunded` (the tickets were gone when the money came).
 */
export type OrderState =
  | 'new'
  | 'paid'
  | 'confirmed'
  | 'completed'
  | 'declined'
  | 'failed'
  | 'refund-due'
  | 'refunded';

export interface Order {
  readonly orderId: string;
  readonly lockId: string;
  readonly userId: number;
  readonly eventId: number;
  readonly categoryId: number;
  readonly quantity: number;
  readonly paymentMethod: string;
  readonly state: OrderState;
}

export type NewOrder = Omit<Order, 'state'>;

const TABLE = `
  CREATE TABLE IF NOT EXISTS orders (
    orderId TEXT PRIMARY KEY,
    lockId TEXT NOT NULL UNIQUE,
    userId INTEGER NOT NULL,
    eventId INTEGER NOT NULL,
    categoryId INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    paymentMethod TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'new'
  )
`;
const INSERT = `
  INSERT INTO orders (orderId, lockId, userId, eventId, categoryId, quantity, paymentMethod)
  VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (lockId) DO NOTHING
`;
const UNDER_WAY = `
  SELECT * FROM orders WHERE state NOT IN ('completed', 'failed', 'refunded') ORDER BY orderId
`;

/**
 * Every step of an order is on disk before the next one begins, so that a crash at any instant
 * leaves an order that can go on with the same ids.
 */
@Injectable()
export class OrderStore implements OnModuleDestroy {
  readonly #database: Database.Database;

  constructor(@Inject(SETTINGS) settings: Settings) {
    this.#database = new Database(settings.databaseFile);
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    this.#database.exec(TABLE);
  }

  /** A lock has one order: who asks again for the same lock gets the order that there is. */
  add(order: NewOrder): Order {
    const { orderId, lockId, userId, eventId, categoryId, quantity, paymentMethod } = order;
    const values = [orderId, lockId, userId, eventId, categoryId, quantity, paymentMethod];
    this.#database.prepare(INSERT).run(...values);
    const [found] = this.#rows('SELECT * FROM orders WHERE lockId = ?', lockId);
    if (found === undefined) throw new Error(`the order of lock ${lockId} is not there`);
    return found;
  }

  find(orderId: string): Order | undefined {
    return this.#rows('SELECT * FROM orders WHERE orderId = ?', orderId)[0];
  }

  underWay(): Order[] {
    return this.#rows(UNDER_WAY);
  }

  move(order: Order, state: OrderState): Order {
    const sql = 'UPDATE orders SET state = ? WHERE orderId = ?';
    this.#database.prepare(sql).run(state, order.orderId);
    return { ...order, state };
  }

  onModuleDestroy(): void {
    this.#database.close();
  }

  #rows(sql: string, ...values: string[]): Order[] {
    return this.#database.prepare(sql).all(...values) as Order[];
  }
}
