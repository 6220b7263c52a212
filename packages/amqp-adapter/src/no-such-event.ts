const NOT_FOUND = 404;
const NOT_FOUND_CODE = /(?:^|_)NOT_FOUND$/;
const NO_SUCH_EVENT =
  /\bevent\b.*\b(?:not found|does(?: not|n't) exist|unknown)\b|\b(?:no such|unknown) event\b/i;
/** A database whose table is missing says that it does not exist, whatever it is called. */
const OF_A_DATABASE = /\b(?:relation|table|column|schema|database)\b/i;

/**
 * Whether an RPC error surely means that there is no such event.
 *
 * NestJS sends an `RpcException` as it is, a text as `{ status: 'error', message }`, and hides
 * every other error behind "Internal server error", which says nothing of the event. Pure: reads no
 * clock, performs no I/O.
 */
export function saysNoSuchEvent(error: unknown): boolean {
  if (typeof error === 'string') return isAboutEvent(error);
  if (typeof error !== 'object' || error === null) return false;
  const { status, statusCode, code, message } = error as Readonly<Record<string, unknown>>;
  if ([status, statusCode, code].some((value) => Number(value) === NOT_FOUND)) return true;
  if (typeof code === 'string' && NOT_FOUND_CODE.test(code)) return true;
  return typeof message === 'string' && isAboutEvent(message);
}

function isAboutEvent(message: string): boolean {
  return NO_SUCH_EVENT.test(message) && !OF_A_DATABASE.test(message);
}
