/** The value as a TypeScript expression, so that a failure can be pasted into a scenario. */
export function literalOf(value: unknown): string {
  if (typeof value === 'string') return `'${escaped(value)}'`;
  if (Object.is(value, -0)) return '-0';
  if (Array.isArray(value)) return `[${value.map(literalOf).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value).map(
    ([name, field]) => `${keyOf(name)}: ${literalOf(field)}`,
  );
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

function escaped(text: string): string {
  const quoted = JSON.stringify(text).slice(1, -1);
  return quoted.replaceAll('\\"', '"').replaceAll("'", "\\'");
}

function keyOf(name: string): string {
  return /^[a-z_$][\w$]*$/i.test(name) ? name : `'${escaped(name)}'`;
}
