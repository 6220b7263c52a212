export type { AdapterLog } from './adapter-log.js';
export { AmqpAdapter } from './amqp-adapter.js';
export type { AmqpAdapterEvents, AmqpAdapterOptions } from './amqp-adapter.js';
export type { QueueDeclaration, QueueOptions } from './queue-declaration.js';
