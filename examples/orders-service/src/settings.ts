/** What the operator sets, in the environment. */
export interface Settings {
  readonly port: number;
  readonly rabbitmqUrl: string;
  /** Where ticket locks are confirmed and released. */
  readonly realtimeQueue: string;
  /** Where sales are counted. */
  readonly eventsQueue: string;
  /** A queue of this service's own for the news about locks. */
  readonly lockNewsQueue: string;
  readonly lockNewsExchange: string;
  readonly databaseFile: string;
  /** How long a buyer may take to pay; so long the realtime service keeps his tickets. */
  readonly paymentSeconds: number;
}

export const SETTINGS = Symbol('Settings');

export function readSettings(variables: NodeJS.ProcessEnv = process.env): Settings {
  return {
    port: Number(variables['PORT'] ?? 8881),
    rabbitmqUrl: variables['RABBITMQ_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672',
    realtimeQueue: variables['REALTIME_QUEUE'] ?? 'realtime_queue',
    eventsQueue: variables['EVENTS_QUEUE'] ?? 'events_queue',
    lockNewsQueue: variables['LOCK_NEWS_QUEUE'] ?? 'orders_lock_news',
    lockNewsExchange: variables['LOCK_NEWS_EXCHANGE'] ?? 'ticket.locks',
    databaseFile: variables['DATABASE_FILE'] ?? 'orders.db',
    paymentSeconds: Number(variables['PAYMENT_SECONDS'] ?? 900),
  };
}

/** The same for every queue, in every service: whoever declares one otherwise crashes. */
export const QUEUE_OPTIONS = { durable: true };
