import type { Environment } from './environment.js';

/** Where locks outlive the process, if they do. */
export type LedgerConfig =
  | { readonly kind: 'none' }
  | { readonly kind: 'sqlite'; readonly folder: string }
  | { readonly kind: 'postgres'; readonly url: string };

/** Where live locks are: in this process alone, or in a Redis that many instances share. */
export type StoreConfig =
  | { readonly kind: 'memory'; readonly ledger: LedgerConfig }
  | RedisStoreConfig;

export interface RedisStoreConfig {
  readonly kind: 'redis';
  readonly url: string;
  readonly prefix: string;
  /** Where it is decided what is sold; unset: in Redis alone. */
  readonly databaseUrl: string | undefined;
}

const PREFIX = /^[A-Za-z0-9_-]{1,32}$/;
const TOKEN_KEYS = ['JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWT_JWKS_URL'];
const OWN_KEY =
  'LOCK_STORE=redis without a JWT key: every instance makes its own, and refuses the tokens of the ' +
  'others';
const REDIS_ALONE =
  'LOCK_STORE=redis without DATABASE_URL: Redis alone decides what is sold. A crash of Redis that ' +
  'loses a confirm loses the sale: tickets that somebody has paid for are on sale again';

/** Reads which store it is; `notices` get what is set and has no use, or what is not promised. */
export function readStore(environment: Environment, notices: string[]): StoreConfig {
  const kind = environment.choice('LOCK_STORE', ['memory', 'redis'], 'memory');
  const databaseUrl = environment.url('DATABASE_URL', ['postgres:', 'postgresql:']);
  const folder = environment.text('DATA_DIR');
  const url = environment.urls('REDIS_URL', ['redis:', 'rediss:']);
  const prefix = readPrefix(environment);
  if (kind === 'memory') {
    for (const name of ['REDIS_URL', 'REDIS_PREFIX']) {
      if (environment.text(name) === undefined) continue;
      notices.push(`${name} has no use without LOCK_STORE=redis`);
    }
    return { kind, ledger: ledgerOf(databaseUrl, folder ?? './data') };
  }
  if (url === undefined) environment.problem('REDIS_URL must be set with LOCK_STORE=redis');
  if (folder !== undefined && folder !== 'none') {
    notices.push('DATA_DIR has no use with LOCK_STORE=redis');
  }
  if (databaseUrl === undefined) notices.push(REDIS_ALONE);
  if (TOKEN_KEYS.every((name) => environment.text(name) === undefined)) notices.push(OWN_KEY);
  return { kind, url: url ?? '', prefix, databaseUrl };
}

function readPrefix(environment: Environment): string {
  const prefix = environment.text('REDIS_PREFIX') ?? 'tl';
  if (!PREFIX.test(prefix)) {
    const bound = '1 to 32 letters, digits, - and _';
    environment.problem(`REDIS_PREFIX must be ${bound}, got "${prefix}"`);
  }
  return prefix;
}

function ledgerOf(url: string | undefined, folder: string): LedgerConfig {
  if (url !== undefined) return { kind: 'postgres', url };
  return folder === 'none' ? { kind: 'none' } : { kind: 'sqlite', folder };
}
