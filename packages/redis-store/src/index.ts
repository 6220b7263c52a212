export { RedisError } from './redis-error.js';
export type { RedisErrorCode } from './redis-error.js';
export { RedisPeers } from './redis-peers.js';
export type { RedisPeersOptions } from './redis-peers.js';
export { RedisTicketLocks } from './redis-ticket-locks.js';
export type { RedisTicketLocksOptions } from './redis-ticket-locks-options.js';
