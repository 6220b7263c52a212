// Turns the types of src/protocol.ts into JSON Schemas, comments included: they are written once.
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

import { ERROR_CODES } from '../src/protocol.js';

export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** The schemas of the named types, and of every event which payload it has. */
export interface ProtocolSchemas {
  readonly schemas: Readonly<Record<string, JsonSchema>>;
  readonly requests: Readonly<Record<string, JsonSchema>>;
  readonly answers: Readonly<Record<string, JsonSchema>>;
  readonly news: Readonly<Record<string, JsonSchema>>;
}

const PROTOCOL = fileURLToPath(new URL('../src/protocol.ts', import.meta.url));
const INTEGER_MAX = Number.MAX_SAFE_INTEGER;
const PLAIN_TEXT = String.raw`^[^\p{Cc}\p{Cs}]*$`;
const OPAQUE_ID = { type: 'string', minLength: 1, maxLength: 128, pattern: PLAIN_TEXT };
const INSTANT = { type: 'string', format: 'date-time' };

/** What a type cannot say, by the name of the field. */
const FIELDS: Readonly<Record<string, JsonSchema>> = {
  createdAt: INSTANT,
  expiresAt: INSTANT,
  items: { minItems: 1, maxItems: 1000 },
  lockId: OPAQUE_ID,
  requestId: OPAQUE_ID,
  serverTime: INSTANT,
  sessionId: OPAQUE_ID,
  timestamp: INSTANT,
};
/** The same, of one type. */
const FIELDS_OF: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>> = {
  LockLineRequest: { quantity: { minimum: 1 } },
  LockTicketsRequest: { quantity: { minimum: 1 } },
  RefreshTokenRequest: { token: { minLength: 1, maxLength: 8192 } },
  UnlockTicketsRequest: { quantity: { minimum: 1 } },
};
/** Fields that must not be there, in each variant of a type. */
const WITHOUT: Readonly<Record<string, readonly (readonly string[])[]>> = {
  LockTicketsRequest: [['items'], ['categoryId', 'quantity']],
  UnlockTicketsRequest: [[], ['lockId']],
};
const ID: JsonSchema = {
  description: 'A number or a text; a text that is the decimal form of a number is that number.',
  anyOf: [
    { type: 'integer', minimum: 0, maximum: INTEGER_MAX },
    { type: 'string', minLength: 1, maxLength: 64, pattern: PLAIN_TEXT },
  ],
};

const ERROR_CODE: JsonSchema = {
  description: 'In the order in which the checks are made.',
  enum: ERROR_CODES,
};

/** Throws when a type is met that has no place in JSON. */
export function protocolSchemas(): ProtocolSchemas {
  const program = ts.createProgram([PROTOCOL], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    exactOptionalPropertyTypes: true,
    types: [],
  });
  return new SchemaReader(program).read();
}

/** Reads exported types by name; each becomes a schema once, which the others refer to. */
class SchemaReader {
  readonly #checker: ts.TypeChecker;
  readonly #exported = new Map<string, ts.Symbol>();
  readonly #schemas = new Map<string, JsonSchema>([
    ['ErrorCode', ERROR_CODE],
    ['Id', ID],
  ]);

  constructor(program: ts.Program) {
    this.#checker = program.getTypeChecker();
    const source = program.getSourceFile(PROTOCOL);
    const module = source && this.#checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${PROTOCOL} is no module`);
    for (const symbol of this.#checker.getExportsOfModule(module)) {
      this.#exported.set(symbol.name, symbol);
    }
  }

  read(): ProtocolSchemas {
    const requests = this.#eventsOf('Requests');
    const answers = this.#eventsOf('Answers');
    const news = this.#eventsOf('News');
    for (const name of ['HandshakeAuth', 'ConnectRefusal']) this.#schemaOf(this.#typeOf(name));
    const sorted = [...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1));
    return { schemas: Object.fromEntries(sorted), requests, answers, news };
  }

  #typeOf(name: string): ts.Type {
    const symbol = this.#exported.get(name);
    if (symbol === undefined) throw new Error(`${name} is not exported`);
    return this.#checker.getDeclaredTypeOfSymbol(symbol);
  }

  #eventsOf(map: string): Record<string, JsonSchema> {
    const members = this.#checker.getPropertiesOfType(this.#typeOf(map));
    return Object.fromEntries(
      members.map((member) => [
        member.name,
        this.#schemaOf(this.#checker.getTypeOfSymbol(member), `${map}.${member.name}`),
      ]),
    );
  }

  /** A reference when the type has a name in the protocol, else the schema itself. */
  #schemaOf(type: ts.Type, place = ''): JsonSchema {
    const symbol = type.aliasSymbol ?? type.symbol;
    const isNamed = symbol !== undefined && this.#exported.get(symbol.name) === symbol;
    if (!isNamed) return this.#anonymous(type, place);
    if (!this.#schemas.has(symbol.name)) {
      // Known before it is read: it may name itself.
      this.#schemas.set(symbol.name, {});
      const description = this.#commentOf(symbol);
      this.#schemas.set(symbol.name, { ...description, ...this.#anonymous(type, symbol.name) });
    }
    return refTo(symbol.name);
  }

  #anonymous(type: ts.Type, place: string): JsonSchema {
    if (type.flags & ts.TypeFlags.StringLike && !type.isStringLiteral()) return { type: 'string' };
    if (type.isStringLiteral()) return { const: type.value };
    if (type.flags & ts.TypeFlags.Number) return { type: 'integer', maximum: INTEGER_MAX };
    if (type.flags & ts.TypeFlags.BooleanLiteral) {
      return { const: this.#checker.typeToString(type) === 'true' };
    }
    if (type.flags & ts.TypeFlags.Boolean) return { type: 'boolean' };
    if (type.flags & ts.TypeFlags.Null) return { type: 'null' };
    if (type.isUnion()) return this.#union(type.types, place);
    if (this.#checker.isArrayType(type)) {
      const [item] = this.#checker.getTypeArguments(type as ts.TypeReference);
      if (item !== undefined) return { type: 'array', items: this.#schemaOf(item, place) };
    }
    if (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) {
      return this.#object(type, place);
    }
    throw new Error(`${place}: ${this.#checker.typeToString(type)} has no place in JSON`);
  }

  #union(members: readonly ts.Type[], place: string): JsonSchema {
    const types = members.filter((type) => !(type.flags & ts.TypeFlags.Undefined));
    const has = (flag: ts.TypeFlags) => types.some((type) => type.flags & flag);
    if (has(ts.TypeFlags.String) && has(ts.TypeFlags.Number)) return refTo('Id');
    const values = types.filter((type) => type.isStringLiteral()).map(({ value }) => value);
    if (values.length === types.length) {
      const codes = new Set<string>(ERROR_CODES);
      const isCode = values.length === codes.size && values.every((value) => codes.has(value));
      if (isCode) return refTo('ErrorCode');
      return values.length === 1 ? { const: values[0] } : { enum: values.sort() };
    }
    if (has(ts.TypeFlags.BooleanLiteral) && types.length === 2) return { type: 'boolean' };
    const variants = types.map((type) => this.#schemaOf(type, place));
    if (variants.length === 1) return variants[0] ?? {};
    const without = WITHOUT[place] ?? [];
    return { anyOf: variants.map((one, index) => ({ ...one, ...forbid(without[index] ?? []) })) };
  }

  #object(type: ts.Type, place: string): JsonSchema {
    const properties: Record<string, JsonSchema> = {};
    const required: string[] = [];
    for (const property of this.#checker.getPropertiesOfType(type)) {
      const { name } = property;
      properties[name] = {
        ...this.#schemaOf(this.#checker.getTypeOfSymbol(property), `${place}.${name}`),
        ...FIELDS[name],
        ...FIELDS_OF[place]?.[name],
        ...this.#commentOf(property),
      };
      if (!(property.flags & ts.SymbolFlags.Optional)) required.push(name);
    }
    return { type: 'object', ...(required.length > 0 && { required }), properties };
  }

  #commentOf(symbol: ts.Symbol): { readonly description?: string } {
    const comment = ts.displayPartsToString(symbol.getDocumentationComment(this.#checker));
    return comment === '' ? {} : { description: comment.replaceAll(/\s+/g, ' ') };
  }
}

function refTo(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

function forbid(fields: readonly string[]): JsonSchema {
  if (fields.length === 0) return {};
  return { not: { anyOf: fields.map((field) => ({ required: [field] })) } };
}
