import type { Environment } from './environment.js';

/** Where the events service is asked. */
export interface EventsConfig {
  readonly queue: string;
  readonly pattern: string | Readonly<Record<string, unknown>>;
}

const PATTERN = 'get-ticket-categories';

/** Reads where the events service is; without a queue there is none. */
export function readEventsConfig(environment: Environment): EventsConfig | undefined {
  const queue = environment.text('EVENTS_QUEUE');
  const pattern = readPattern(environment);
  if (queue === undefined) return undefined;
  if (environment.text('RABBITMQ_URL') === undefined) {
    environment.problem('EVENTS_QUEUE needs RABBITMQ_URL: the events service is asked over it');
  }
  return { queue, pattern };
}

/** A text, or an object such as {"cmd":"get-ticket-categories"}. */
function readPattern(environment: Environment): EventsConfig['pattern'] {
  const text = environment.text('EVENTS_PATTERN') ?? PATTERN;
  if (!text.startsWith('{')) return text;
  return { ...environment.object('EVENTS_PATTERN', {}) };
}
