import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';

type ConnectionOptions = Pick<
  RedisOptions,
  'autoResubscribe' | 'commandTimeout' | 'connectionName'
>;

const RECONNECT_MS_MAX = 1_000;

/**
 * Returns a connection that is not open yet. When it is lost it is made again, and nothing that was
 * sent is sent a second time; meanwhile nothing is queued. `timeoutMs` is how long a call may take.
 */
export function newConnection(url: string, timeoutMs: number, options: ConnectionOptions): Redis {
  const connection = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs * 4,
    noDelay: true,
    retryStrategy: (attempts: number) => Math.min(attempts * 50, RECONNECT_MS_MAX),
    ...options,
  });
  // Each call tells its own failure; what happens between calls heals by itself.
  connection.on('error', () => undefined);
  return connection;
}

/** Opens connections. Rejects with what went wrong first. */
export async function connectAll(connections: readonly Redis[]): Promise<void> {
  await Promise.all(connections.map((connection) => connect(connection)));
}

async function connect(connection: Redis): Promise<void> {
  let cause: unknown;
  const note = (error: unknown) => (cause ??= error);
  connection.once('error', note);
  try {
    await connection.connect();
  } catch (error) {
    // What the client rejects with says only that there is no connection, not why.
    throw cause ?? error;
  } finally {
    connection.off('error', note);
  }
}
