import type { AmqpStats } from '@ticket-locks/amqp-adapter';
import { Counter, Gauge } from 'prom-client';

/** How it goes with RabbitMQ. */
export interface MessageState extends AmqpStats {
  readonly isConnected: boolean;
}

export function messageMetrics(state: () => MessageState): (Gauge | Counter)[] {
  const connected = new Gauge({
    name: 'ticket_locks_rabbitmq_connected',
    help: 'Whether requests of other services are served: 1 or 0',
    registers: [],
    collect() {
      this.set(state().isConnected ? 1 : 0);
    },
  });
  const waiting = new Gauge({
    name: 'ticket_locks_messages_waiting',
    help: 'Changes that RabbitMQ has not taken over yet',
    registers: [],
    collect() {
      this.set(state().waiting);
    },
  });
  const publisher = new Gauge({
    name: 'ticket_locks_publisher',
    help: 'Whether this instance tells the changes: 1 or 0; of several on one store one does',
    registers: [],
    collect() {
      this.set(state().isPublisher ? 1 : 0);
    },
  });
  const messages = new Counter({
    name: 'ticket_locks_messages_total',
    help: 'Changes published or dropped, messages tried again or moved to the dead letters',
    labelNames: ['outcome'],
    registers: [],
    collect() {
      this.reset();
      const { published, dropped, retried, deadLettered } = state();
      this.inc({ outcome: 'published' }, published);
      this.inc({ outcome: 'dropped' }, dropped);
      this.inc({ outcome: 'retried' }, retried);
      this.inc({ outcome: 'dead_lettered' }, deadLettered);
    },
  });
  return [connected, waiting, publisher, messages];
}
