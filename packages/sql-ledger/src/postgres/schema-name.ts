const DEFAULT_SCHEMA = 'ticket_locks';

/** The schema, if its name needs no quotes. Throws `TypeError` that names it. */
export function schemaName(schema: string = DEFAULT_SCHEMA): string {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return schema;
  throw new TypeError(`schema must be lower case letters, digits and underscores, got ${schema}`);
}
