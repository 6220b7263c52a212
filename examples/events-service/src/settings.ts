/** What the operator sets, in the environment. */
export interface Settings {
  readonly rabbitmqUrl: string;
  /** Where this service is asked, and told. */
  readonly eventsQueue: string;
  /** Where the realtime service is told. */
  readonly realtimeQueue: string;
  readonly databaseFile: string;
}

export const SETTINGS = Symbol('Settings');

export function readSettings(variables: NodeJS.ProcessEnv = process.env): Settings {
  return {
    rabbitmqUrl: variables['RABBITMQ_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672',
    eventsQueue: variables['EVENTS_QUEUE'] ?? 'events_queue',
    realtimeQueue: variables['REALTIME_QUEUE'] ?? 'realtime_queue',
    databaseFile: variables['DATABASE_FILE'] ?? 'events.db',
  };
}

/** The same for every queue, in every service: whoever declares one otherwise crashes. */
export const QUEUE_OPTIONS = { durable: true };
