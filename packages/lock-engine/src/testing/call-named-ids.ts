/**
 * Ids of locks after the call that makes them: `lock-7`, and `lock-7-2` for the second lock of the
 * seventh call.
 *
 * So the name of a lock does not depend on the calls before it, and a run may be shortened.
 */
export class CallNamedIds {
  /** Every id that was given, in order. */
  readonly given: string[] = [];
  #callNumber = 0;
  #lockCount = 0;

  /** Says which call is made next. */
  begin(callNumber: number): void {
    this.#callNumber = callNumber;
    this.#lockCount = 0;
  }

  lockId(): string {
    this.#lockCount += 1;
    const nth = this.#lockCount === 1 ? '' : `-${this.#lockCount}`;
    const lockId = `lock-${this.#callNumber}${nth}`;
    this.given.push(lockId);
    return lockId;
  }
}
