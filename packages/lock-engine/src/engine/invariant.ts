/**
 * A rule that must always hold is broken: the state can no longer be trusted. Nobody catches it
 * below `main`.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * Throws `InvariantError` unless `condition` holds. Stays on in production.
 *
 * Each `%` of the rule stands for a fact. The rule is put into words only when it is broken: it is
 * checked for every command.
 */
export function invariant(
  condition: boolean,
  rule: string,
  ...facts: readonly unknown[]
): asserts condition {
  if (!condition) throw broken(rule, facts);
}

function broken(rule: string, facts: readonly unknown[]): InvariantError {
  let index = 0;
  return new InvariantError(
    `broken invariant: ${rule.replaceAll('%', () => String(facts[index++]))}`,
  );
}
