import type { LockPolicy } from '@ticket-locks/lock-engine';
import { clientAddress, DEFAULT_SOCKET_LIMITS } from '@ticket-locks/socket-adapter';
import type { SocketLimits } from '@ticket-locks/socket-adapter';

import { Environment } from './environment.js';
import type { Variables } from './environment.js';
import { readEventsConfig } from './events-config.js';
import type { EventsConfig } from './events-config.js';
import { readStore } from './store-config.js';
import type { StoreConfig } from './store-config.js';
import { readTokenConfig } from './token-config.js';
import type { TokenConfig } from './token-config.js';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export interface Config {
  readonly isProduction: boolean;
  readonly isDemo: boolean;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly port: number;
  /** Unset: all interfaces. */
  readonly host: string | undefined;
  readonly origins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly tokens: TokenConfig;
  readonly limits: SocketLimits;
  readonly policy: Partial<LockPolicy>;
  readonly disconnectGraceMs: number;
  readonly cleanupIntervalMs: number;
  /** Unset: the demo's. */
  readonly inventoryFile: string | undefined;
  readonly inventoryRefreshMs: number;
  readonly inventoryStaleAfterMs: number;
  /** Set: the events service is the source of truth. */
  readonly events: EventsConfig | undefined;
  readonly amqp: AmqpConfig | undefined;
  readonly store: StoreConfig;
  /** What the operator should know, for the log. */
  readonly notices: readonly string[];
}

export interface AmqpConfig {
  readonly url: string;
  readonly queue: string;
  readonly queueOptions: object;
  readonly declare: 'auto' | 'never';
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads the whole environment; every problem is in the answer, not only the first. */
export function readConfig(variables: Variables): ConfigResult {
  const environment = new Environment(variables);
  const notices: string[] = [];
  const isProduction = environment.text('NODE_ENV') === 'production';
  const isDemo = environment.choice('DEMO', ['off', 'on'], 'off') === 'on';
  if (isDemo && isProduction) {
    environment.problem(
      'DEMO must not be "on" with NODE_ENV=production: it gives tokens to anybody',
    );
  }
  const config: Config = {
    isProduction,
    isDemo,
    logLevel: environment.choice('LOG_LEVEL', LOG_LEVELS, 'info'),
    port: environment.integer('WEBSOCKET_PORT', { fallback: 8880, min: 0, max: 65_535 }),
    host: environment.text('HOST'),
    origins: readOrigins(environment, isProduction, notices),
    trustedProxies: readProxies(environment),
    tokens: readTokenConfig(environment, { isProduction, isDemo, notices }),
    limits: readLimits(environment),
    policy: readPolicy(environment),
    disconnectGraceMs: environment.durationMs('DISCONNECT_GRACE_SECONDS', 'seconds', {
      fallback: 15,
      min: 0,
    }),
    cleanupIntervalMs: environment.durationMs('CLEANUP_INTERVAL_MINUTES', 'minutes', {
      fallback: 1,
      min: 1,
    }),
    inventoryFile: environment.text('INVENTORY_FILE'),
    inventoryRefreshMs: environment.durationMs('INVENTORY_REFRESH_SECONDS', 'seconds', {
      fallback: 5,
      min: 1,
    }),
    inventoryStaleAfterMs: environment.durationMs('INVENTORY_STALE_AFTER_SECONDS', 'seconds', {
      fallback: 300,
      min: 1,
    }),
    events: readEventsConfig(environment),
    amqp: readAmqp(environment),
    store: readStore(environment, notices),
    notices,
  };
  const { problems } = environment;
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config };
}

function readOrigins(
  environment: Environment,
  isProduction: boolean,
  notices: string[],
): readonly string[] {
  const origins = environment.list('WEBSOCKET_CORS_ORIGIN', ['*']);
  for (const origin of origins) {
    const isOrigin = URL.canParse(origin) && new URL(origin).origin === origin;
    if (origin === '*' || isOrigin) continue;
    const example = 'such as https://shop.example, or "*"';
    environment.problem(`WEBSOCKET_CORS_ORIGIN must list origins ${example}, got "${origin}"`);
  }
  if (isProduction && origins.includes('*')) {
    notices.push('WEBSOCKET_CORS_ORIGIN is "*": every web page may connect');
  }
  return origins;
}

function readProxies(environment: Environment): readonly string[] {
  const proxies = environment.list('TRUST_PROXY', []).filter((proxy) => proxy !== 'none');
  try {
    clientAddress(proxies);
  } catch (error) {
    environment.problem(`TRUST_PROXY: ${(error as Error).message}`);
  }
  return proxies;
}

function readLimits(environment: Environment): SocketLimits {
  const defaults = DEFAULT_SOCKET_LIMITS;
  const variables = {
    lockRequestsPerUserPerMinute: 'RATE_LIMIT_LOCKS_PER_MINUTE',
    lockRequestsPerIpPerMinute: 'RATE_LIMIT_LOCKS_PER_MINUTE_PER_IP',
    messagesPerSocketPerSecond: 'RATE_LIMIT_MESSAGES_PER_SECOND',
    handshakesPerIpPerSecond: 'RATE_LIMIT_HANDSHAKES_PER_SECOND_PER_IP',
    connectionsMax: 'MAX_CONNECTIONS',
    connectionsPerIpMax: 'MAX_CONNECTIONS_PER_IP',
    connectionsPerUserMax: 'MAX_CONNECTIONS_PER_USER',
  } satisfies Record<Exclude<keyof SocketLimits, 'hoardingCooldownMs'>, string>;
  const limits = Object.entries(variables).map(([limit, variable]) => [
    limit,
    environment.limit(variable, defaults[limit as keyof SocketLimits]),
  ]);
  const hoardingCooldownMs = environment.durationMs('HOARDING_COOLDOWN_SECONDS', 'seconds', {
    fallback: 0,
    min: 0,
  });
  return { ...Object.fromEntries(limits), hoardingCooldownMs } as SocketLimits;
}

function readPolicy(environment: Environment): Partial<LockPolicy> {
  const minutesMs = environment.durationMs('LOCK_DURATION_MINUTES', 'minutes', {
    fallback: 5,
    min: 1,
  });
  const secondsMs = environment.durationMs('LOCK_DURATION_SECONDS', 'seconds', {
    fallback: 0,
    min: 1,
  });
  const lockAgeMs = environment.durationMs('MAX_LOCK_AGE_MINUTES', 'minutes', {
    fallback: 60,
    min: 0,
  });
  const retention = { fallback: 24, min: 1 };
  return {
    ttlMs: secondsMs === 0 ? minutesMs : secondsMs,
    extensionsMax: orUnlimited(environment.limit('EXTENSIONS_MAX', 3)),
    lockAgeMsMax: orUnlimited(lockAgeMs),
    expiringNoticeMs: environment.durationMs('EXPIRING_NOTICE_SECONDS', 'seconds', {
      fallback: 60,
      min: 0,
    }),
    paymentTtlMs: environment.durationMs('PAYMENT_DURATION_MINUTES', 'minutes', {
      fallback: 15,
      min: 1,
    }),
    lateConfirm: environment.choice('LATE_CONFIRM', ['reject', 'if-available'], 'reject'),
    lateConfirmWindowMs: environment.durationMs('LATE_CONFIRM_WINDOW_MINUTES', 'minutes', {
      fallback: 10,
      min: 0,
    }),
    endedLockRetentionMs: environment.durationMs('ENDED_LOCK_RETENTION_HOURS', 'hours', retention),
    ticketsPerLockMax: orUnlimited(environment.limit('MAX_TICKETS_PER_LOCK', 10)),
    locksPerUserMax: orUnlimited(environment.limit('MAX_LOCKS_PER_USER', 20)),
    ticketsPerUserPerEventMax: orUnlimited(environment.limit('MAX_TICKETS_PER_USER_PER_EVENT', 0)),
  };
}

/** 0 turns a limit off. */
function orUnlimited(limit: number): number {
  return limit === 0 ? Infinity : limit;
}

function readAmqp(environment: Environment): AmqpConfig | undefined {
  const url = environment.url('RABBITMQ_URL', ['amqp:', 'amqps:']);
  const queue = environment.text('REALTIME_QUEUE') ?? 'realtime_queue';
  const queueOptions = environment.object('RABBITMQ_QUEUE_OPTIONS', { durable: true });
  const declare = environment.choice('RABBITMQ_DECLARE', ['auto', 'never'], 'auto');
  return url === undefined ? undefined : { url, queue, queueOptions, declare };
}
