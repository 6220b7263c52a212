/**
 * Where the adapter reports what happens: facts first, then one sentence. A pino logger fits. Never
 * throws.
 */
export interface AdapterLog {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Says nothing. */
export const silentLog: AdapterLog = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
