import { generateKeyPairSync } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { readConfig } from '../src/config.js';
import type { Config } from '../src/config.js';

const SECRET = 'a secret of the tests, long enough for HS256';
const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' });

function configOf(variables: Record<string, string> = {}): Config {
  const result = readConfig({ JWT_SECRET: SECRET, ...variables });
  if (!result.ok) throw new Error(result.problems.join('\n'));
  return result.config;
}

function problemsOf(variables: Record<string, string>): readonly string[] {
  const result = readConfig({ JWT_SECRET: SECRET, ...variables });
  return result.ok ? [] : result.problems;
}

describe('without any variable', () => {
  test('everything has its documented default', () => {
    expect(configOf()).toEqual({
      isProduction: false,
      isDemo: false,
      logLevel: 'info',
      port: 8880,
      host: undefined,
      origins: ['*'],
      trustedProxies: [],
      tokens: {
        key: { secret: SECRET },
        issuer: undefined,
        audience: undefined,
        userClaim: 'sub',
      },
      limits: {
        lockRequestsPerUserPerMinute: 60,
        lockRequestsPerIpPerMinute: 0,
        messagesPerSocketPerSecond: 50,
        handshakesPerIpPerSecond: 0,
        connectionsMax: 20_000,
        connectionsPerIpMax: 1000,
        connectionsPerUserMax: 10,
        hoardingCooldownMs: 0,
      },
      policy: {
        ttlMs: 300_000,
        extensionsMax: 3,
        lockAgeMsMax: 3_600_000,
        expiringNoticeMs: 60_000,
        paymentTtlMs: 900_000,
        lateConfirm: 'reject',
        lateConfirmWindowMs: 600_000,
        endedLockRetentionMs: 86_400_000,
        ticketsPerLockMax: 10,
        locksPerUserMax: 20,
        ticketsPerUserPerEventMax: Infinity,
      },
      disconnectGraceMs: 15_000,
      cleanupIntervalMs: 60_000,
      inventoryFile: undefined,
      inventoryRefreshMs: 5_000,
      inventoryStaleAfterMs: 300_000,
      events: undefined,
      amqp: undefined,
      store: { kind: 'memory', ledger: { kind: 'sqlite', folder: './data' } },
      notices: [],
    });
  });

  test('a secret is made for the run, another one each time', () => {
    const [one, other] = [readConfig({}), readConfig({ JWT_SECRET: '  ' })];
    if (!one.ok || !other.ok) throw new Error('refused');
    expect(one.config.tokens.key).not.toEqual(other.config.tokens.key);
    expect(one.config.notices).toContain(
      'no JWT key is set: a secret was made for this run, tokens end with it',
    );
  });
});

describe('what is set counts', () => {
  test.each<[string, string, (config: Config) => unknown, unknown]>([
    ['WEBSOCKET_PORT', '0', ({ port }) => port, 0],
    ['HOST', '127.0.0.1', ({ host }) => host, '127.0.0.1'],
    ['WEBSOCKET_CORS_ORIGIN', 'https://a.b, http://c:1', ({ origins }) => origins[1], 'http://c:1'],
    ['TRUST_PROXY', 'loopback,10.0.0.0/8', ({ trustedProxies }) => trustedProxies.length, 2],
    ['TRUST_PROXY', 'none', ({ trustedProxies }) => trustedProxies, []],
    ['JWT_ISSUER', 'shop', ({ tokens }) => tokens.issuer, 'shop'],
    ['JWT_AUDIENCE', 'tickets', ({ tokens }) => tokens.audience, 'tickets'],
    ['JWT_USER_CLAIM', 'uid', ({ tokens }) => tokens.userClaim, 'uid'],
    ['RABBITMQ_URL', 'amqp://localhost', ({ amqp }) => amqp?.queue, 'realtime_queue'],
    ['LOCK_DURATION_MINUTES', '2', ({ policy }) => policy.ttlMs, 120_000],
    ['LOCK_DURATION_SECONDS', '2', ({ policy }) => policy.ttlMs, 2000],
    ['EXTENSIONS_MAX', '0', ({ policy }) => policy.extensionsMax, Infinity],
    ['MAX_LOCK_AGE_MINUTES', '0', ({ policy }) => policy.lockAgeMsMax, Infinity],
    ['EXPIRING_NOTICE_SECONDS', '0', ({ policy }) => policy.expiringNoticeMs, 0],
    ['PAYMENT_DURATION_MINUTES', '1', ({ policy }) => policy.paymentTtlMs, 60_000],
    ['LATE_CONFIRM', 'if-available', ({ policy }) => policy.lateConfirm, 'if-available'],
    ['LATE_CONFIRM_WINDOW_MINUTES', '0', ({ policy }) => policy.lateConfirmWindowMs, 0],
    ['CLEANUP_INTERVAL_MINUTES', '2', ({ cleanupIntervalMs }) => cleanupIntervalMs, 120_000],
    ['ENDED_LOCK_RETENTION_HOURS', '1', ({ policy }) => policy.endedLockRetentionMs, 3_600_000],
    ['DISCONNECT_GRACE_SECONDS', '0', ({ disconnectGraceMs }) => disconnectGraceMs, 0],
    ['MAX_TICKETS_PER_LOCK', '4', ({ policy }) => policy.ticketsPerLockMax, 4],
    ['MAX_LOCKS_PER_USER', '0', ({ policy }) => policy.locksPerUserMax, Infinity],
    ['MAX_TICKETS_PER_USER_PER_EVENT', '6', ({ policy }) => policy.ticketsPerUserPerEventMax, 6],
    ['RATE_LIMIT_LOCKS_PER_MINUTE', '0', ({ limits }) => limits.lockRequestsPerUserPerMinute, 0],
    [
      'RATE_LIMIT_LOCKS_PER_MINUTE_PER_IP',
      '7',
      ({ limits }) => limits.lockRequestsPerIpPerMinute,
      7,
    ],
    ['RATE_LIMIT_MESSAGES_PER_SECOND', '8', ({ limits }) => limits.messagesPerSocketPerSecond, 8],
    [
      'RATE_LIMIT_HANDSHAKES_PER_SECOND_PER_IP',
      '9',
      ({ limits }) => limits.handshakesPerIpPerSecond,
      9,
    ],
    ['MAX_CONNECTIONS', '10', ({ limits }) => limits.connectionsMax, 10],
    ['MAX_CONNECTIONS_PER_IP', '11', ({ limits }) => limits.connectionsPerIpMax, 11],
    ['MAX_CONNECTIONS_PER_USER', '12', ({ limits }) => limits.connectionsPerUserMax, 12],
    ['HOARDING_COOLDOWN_SECONDS', '60', ({ limits }) => limits.hoardingCooldownMs, 60_000],
    ['INVENTORY_FILE', 'events.json', ({ inventoryFile }) => inventoryFile, 'events.json'],
    ['INVENTORY_REFRESH_SECONDS', '2', ({ inventoryRefreshMs }) => inventoryRefreshMs, 2_000],
    [
      'INVENTORY_STALE_AFTER_SECONDS',
      '60',
      ({ inventoryStaleAfterMs }) => inventoryStaleAfterMs,
      60_000,
    ],
    ['LOG_LEVEL', 'silent', ({ logLevel }) => logLevel, 'silent'],
    ['DEMO', 'on', ({ isDemo }) => isDemo, true],
    ['DATA_DIR', 'none', ({ store }) => store, { kind: 'memory', ledger: { kind: 'none' } }],
    [
      'DATA_DIR',
      '/var/lib/x',
      ({ store }) => store,
      { kind: 'memory', ledger: { kind: 'sqlite', folder: '/var/lib/x' } },
    ],
    [
      'DATABASE_URL',
      'postgres://db',
      ({ store }) => store,
      { kind: 'memory', ledger: { kind: 'postgres', url: 'postgres://db' } },
    ],
    ['LOCK_STORE', 'memory', ({ store }) => store.kind, 'memory'],
    ['WEBSOCKET_PORT', ' 99 ', ({ port }) => port, 99],
    ['WEBSOCKET_PORT', '', ({ port }) => port, 8880],
  ])('%s=%s', (name, value, read, expected) => {
    expect(read(configOf({ [name]: value }))).toEqual(expected);
  });

  test('seconds win over minutes', () => {
    const { policy } = configOf({ LOCK_DURATION_MINUTES: '9', LOCK_DURATION_SECONDS: '30' });
    expect(policy.ttlMs).toBe(30_000);
  });

  test.each<[string, unknown]>([
    ['', 'get-ticket-categories'],
    ['categories', 'categories'],
    ['{"cmd":"categories"}', { cmd: 'categories' }],
  ])('an events service whose pattern is %j', (pattern, expected) => {
    const variables = { RABBITMQ_URL: 'amqp://broker', EVENTS_QUEUE: 'e', EVENTS_PATTERN: pattern };
    expect(configOf(variables).events).toEqual({ queue: 'e', pattern: expected });
  });

  test('everything about RabbitMQ', () => {
    const variables = {
      RABBITMQ_URL: 'amqps://user:secret@broker:5671/shop',
      REALTIME_QUEUE: 'q',
      RABBITMQ_QUEUE_OPTIONS: '{"durable":false}',
      RABBITMQ_DECLARE: 'never',
    };
    expect(configOf(variables).amqp).toEqual({
      url: variables.RABBITMQ_URL,
      queue: 'q',
      queueOptions: { durable: false },
      declare: 'never',
    });
  });

  test('a public key on one line', () => {
    const oneLine = pem.toString().replaceAll('\n', String.raw`\n`);
    const { tokens } = configOf({ JWT_SECRET: '', JWT_PUBLIC_KEY: oneLine });
    expect(tokens.key).toEqual({ publicKey: pem.toString() });
  });
});

describe('what is wrong is told', () => {
  test.each<[Record<string, string>, string]>([
    [{ WEBSOCKET_PORT: '65536' }, 'WEBSOCKET_PORT must be an integer from 0 to 65535, got "65536"'],
    [{ WEBSOCKET_PORT: '80.5' }, 'WEBSOCKET_PORT must be an integer from 0 to 65535, got "80.5"'],
    [{ WEBSOCKET_PORT: '0x50' }, 'WEBSOCKET_PORT must be an integer from 0 to 65535, got "0x50"'],
    [
      { LOCK_DURATION_MINUTES: 'abc' },
      'LOCK_DURATION_MINUTES must be an integer from 1 to 525600, got "abc"',
    ],
    [
      { LOCK_DURATION_SECONDS: '0' },
      'LOCK_DURATION_SECONDS must be an integer from 1 to 31536000, got "0"',
    ],
    [{ EXTENSIONS_MAX: '-1' }, 'EXTENSIONS_MAX must be an integer from 0 to 1000000000, got "-1"'],
    [{ LATE_CONFIRM: 'yes' }, 'LATE_CONFIRM must be one of reject, if-available, got "yes"'],
    [{ DEMO: 'true' }, 'DEMO must be one of off, on, got "true"'],
    [
      { WEBSOCKET_CORS_ORIGIN: 'shop.example' },
      'WEBSOCKET_CORS_ORIGIN must list origins such as https://shop.example, or "*", got "shop.example"',
    ],
    [
      { TRUST_PROXY: 'everybody' },
      'TRUST_PROXY: a trusted proxy must be an address or a block of them, got "everybody"',
    ],
    [
      { RABBITMQ_URL: 'http://x:secret@y' },
      'RABBITMQ_URL must be a URL that begins with amqp:// or amqps://',
    ],
    [{ RABBITMQ_QUEUE_OPTIONS: '[]' }, 'RABBITMQ_QUEUE_OPTIONS must be a JSON object, got "[]"'],
    [
      { RABBITMQ_QUEUE_OPTIONS: 'durable' },
      'RABBITMQ_QUEUE_OPTIONS must be a JSON object, got "durable"',
    ],
    [
      { EVENTS_QUEUE: 'events_queue' },
      'EVENTS_QUEUE needs RABBITMQ_URL: the events service is asked over it',
    ],
    [{ EVENTS_PATTERN: '{cmd' }, 'EVENTS_PATTERN must be a JSON object, got "{cmd"'],
    [
      { INVENTORY_REFRESH_SECONDS: '0' },
      'INVENTORY_REFRESH_SECONDS must be an integer from 1 to 31536000, got "0"',
    ],
    [{ JWT_PUBLIC_KEY: 'x', JWT_SECRET: '' }, 'JWT_PUBLIC_KEY: the public key must be a PEM'],
    [
      { JWT_JWKS_URL: 'https://keys.example' },
      'only one of JWT_SECRET and JWT_JWKS_URL may be set',
    ],
    [{ LOCK_STORE: 'redis' }, 'REDIS_URL must be set with LOCK_STORE=redis'],
    [{ LOCK_STORE: 'rediss' }, 'LOCK_STORE must be one of memory, redis, got "rediss"'],
    [{ REDIS_PREFIX: 'a b' }, 'REDIS_PREFIX must be 1 to 32 letters, digits, - and _, got "a b"'],
    [
      { REDIS_URL: 'redis://a:6379,b:6379' },
      'REDIS_URL must be a URL that begins with redis:// or rediss://',
    ],
    [{ REDIS_URL: 'localhost' }, 'REDIS_URL must be a URL that begins with redis:// or rediss://'],
  ])('%o', (variables, problem) => {
    expect(problemsOf(variables)).toEqual([problem]);
  });

  test('no secret is repeated', () => {
    const variables = {
      DATABASE_URL: 'mysql://user:hunter2@db',
      RABBITMQ_URL: 'user:hunter2@broker',
      JWT_PUBLIC_KEY: 'hunter2',
      NODE_ENV: 'production',
    };
    const problems = problemsOf(variables);
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('hunter2');
  });
});

describe('a store that many instances share', () => {
  const redis = { LOCK_STORE: 'redis', REDIS_URL: 'rediss://user:secret@redis:6380/1' };
  const ledger = { DATABASE_URL: 'postgres://db' };

  test('is a Redis, with a ledger beside it', () => {
    const { store, notices } = configOf({ ...redis, ...ledger, REDIS_PREFIX: 'shop_1-a' });
    expect(store).toEqual({
      kind: 'redis',
      url: 'rediss://user:secret@redis:6380/1',
      prefix: 'shop_1-a',
      databaseUrl: 'postgres://db',
    });
    expect(notices).toEqual([]);
    expect(configOf({ ...redis, ...ledger }).store).toMatchObject({ prefix: 'tl' });
    const url = 'redis://a:6379,redis://b:6379';
    expect(configOf({ ...redis, REDIS_URL: url }).store).toMatchObject({ url });
  });

  test.each([{}, { NODE_ENV: 'production', WEBSOCKET_CORS_ORIGIN: 'https://shop.example' }])(
    'without a ledger says what it cannot promise (%o)',
    (variables) => {
      const { store, notices } = configOf({ ...redis, ...variables });
      expect(store).toMatchObject({ kind: 'redis', databaseUrl: undefined });
      expect(notices).toEqual([
        expect.stringMatching(
          /a confirm loses the sale: tickets that somebody has paid for are on sale/,
        ),
      ]);
    },
  );

  test('has no use for a folder, and none for keys of which each instance has another', () => {
    const { notices } = configOf({ ...redis, ...ledger, DATA_DIR: './data', JWT_SECRET: '' });
    expect(notices).toContain('DATA_DIR has no use with LOCK_STORE=redis');
    expect(notices.join()).toContain('refuses the tokens of the others');
    expect(configOf({ ...redis, ...ledger, DATA_DIR: 'none' }).notices).toEqual([]);
  });

  test('is not used when nobody says so, which is told', () => {
    const { store, notices } = configOf({ REDIS_URL: redis.REDIS_URL, REDIS_PREFIX: 'shop' });
    expect(store).toMatchObject({ kind: 'memory' });
    expect(notices).toEqual([
      'REDIS_URL has no use without LOCK_STORE=redis',
      'REDIS_PREFIX has no use without LOCK_STORE=redis',
    ]);
  });
});

describe('in production', () => {
  const production = (variables: Record<string, string>) =>
    readConfig({ NODE_ENV: 'production', ...variables });

  test('a key is needed, and the demo is not to be had', () => {
    expect(production({ DEMO: 'on' })).toEqual({
      ok: false,
      problems: [
        'DEMO must not be "on" with NODE_ENV=production: it gives tokens to anybody',
        'one of JWT_SECRET, JWT_PUBLIC_KEY, JWT_JWKS_URL must be set in production',
      ],
    });
  });

  test('a short secret is warned of', () => {
    expect(configOf({ JWT_SECRET: 'secret' }).notices).toContain(
      'JWT_SECRET has fewer than 32 bytes: tokens can be forged by trying',
    );
  });

  test('origins that are open to all are warned of', () => {
    const read = production({ JWT_SECRET: SECRET, DATA_DIR: 'none' });
    expect(read).toMatchObject({
      ok: true,
      config: { notices: ['WEBSOCKET_CORS_ORIGIN is "*": every web page may connect'] },
    });
  });
});
