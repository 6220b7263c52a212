/**
 * A rule that must always hold is broken: the state can no longer be trusted. Nobody catches it
 * below `main`.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Throws `InvariantError` unless `condition` holds. Stays on in production. */
export function invariant(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new InvariantError(`broken invariant: ${rule}`);
}
