import { pino } from 'pino';
import type { Logger } from 'pino';

export type ServiceLog = Logger;

/** Secrets do not belong into a log, whoever puts them there. */
const SECRETS = ['token', 'resumeToken', 'authorization', 'secret'];

export function createLog(level: string): ServiceLog {
  return pino({
    level,
    base: { service: 'realtime-service' },
    redact: [...SECRETS, ...SECRETS.map((name) => `*.${name}`)],
  });
}
