import { Cluster, Redis } from 'ioredis';

export interface ConnectionOptions {
  /** One server; or some nodes of a cluster, with commas, which name the others. */
  readonly url: string;
  /** Begins the names of the connections, which an operator sees. */
  readonly prefix: string;
  /** How long one call may take. Milliseconds. */
  readonly timeoutMs: number;
}

const RECONNECT_MS_MAX = 1_000;
/** How often a call may be shown to another node, which took the slot over. */
const REDIRECTIONS_MAX = 4;

/** The addresses in `url`. Throws `TypeError` when one is none of Redis. */
export function addressesIn(url: unknown): string[] {
  const addresses = typeof url === 'string' ? url.split(',') : [];
  const areAll = addresses.every((one) => /^rediss?:\/\//.test(one) && URL.canParse(one));
  if (addresses.length > 0 && areAll) return addresses;
  throw new TypeError('url must begin with redis:// or rediss://');
}

/** The connection for calls: nothing waits for a connection, and nothing is sent a second time. */
export function connectForCalls({ url, prefix, timeoutMs }: ConnectionOptions): Redis | Cluster {
  const [address = '', ...others] = addressesIn(url);
  const node = {
    ...commonOptions(timeoutMs),
    connectionName: `${prefix}:calls`,
    commandTimeout: timeoutMs,
  };
  if (others.length === 0) return new Redis(address, { ...node, retryStrategy: reconnectMs });
  const { username, password, protocol } = new URL(address);
  return new Cluster([address, ...others], {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRedirections: REDIRECTIONS_MAX,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    clusterRetryStrategy: reconnectMs,
    redisOptions: {
      ...node,
      ...(username !== '' && { username: decodeURIComponent(username) }),
      ...(password !== '' && { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' && { tls: {} }),
    },
  });
}

/** The connection for news. */
export function connectForNews(options: ConnectionOptions): Redis {
  return connectToAny(options, 'news');
}

/**
 * A connection for what is published, or heard. In a cluster any node has all of that: the next one
 * when it is lost.
 */
export function connectToAny({ url, prefix, timeoutMs }: ConnectionOptions, name: string): Redis {
  const addresses = addressesIn(url);
  const news: Redis = new Redis(addresses[0] ?? '', {
    ...commonOptions(timeoutMs),
    connectionName: `${prefix}:${name}`,
    // Done by whoever subscribes: the client leaves a rejection of its own call to nobody.
    autoResubscribe: false,
    retryStrategy: (attempts) => {
      const { hostname, port } = new URL(addresses[attempts % addresses.length] ?? '');
      Object.assign(news.options, { host: hostname, port: Number(port || 6379) });
      return reconnectMs(attempts);
    },
  });
  return news;
}

/** Opens connections. Rejects with what went wrong first. */
export async function connectAll(connections: readonly (Redis | Cluster)[]): Promise<void> {
  await Promise.all(connections.map((connection) => connect(connection)));
}

async function connect(connection: Redis | Cluster): Promise<void> {
  let cause: unknown;
  const note = (error: unknown) => (cause ??= error);
  connection.on('error', note);
  try {
    await connection.connect();
  } catch (error) {
    // What the client rejects with says only that there is no connection, not why.
    throw cause ?? error;
  } finally {
    connection.off('error', note);
  }
}

/** The servers that take commands, each of which has its own functions and memory. */
export function primariesOf(connection: Redis | Cluster): Redis[] {
  return connection instanceof Cluster ? connection.nodes('master') : [connection];
}

function commonOptions(timeoutMs: number) {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs * 4,
    noDelay: true,
  };
}

function reconnectMs(attempts: number): number {
  return Math.min(attempts * 50, RECONNECT_MS_MAX);
}
