import type { AdapterLog } from '../src/adapter-log.js';

const ignore = () => undefined;

/** For tests that do not ask what was logged. */
export const silentLog: AdapterLog = { debug: ignore, info: ignore, warn: ignore, error: ignore };
