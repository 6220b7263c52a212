import { readFileSync } from 'node:fs';

import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

import type { AsyncApiDocument } from '../scripts/asyncapi-document.js';
import { ASYNCAPI_PATH } from '../scripts/asyncapi-file.js';

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

export function readAsyncApi(): AsyncApiDocument {
  return parse(readFileSync(ASYNCAPI_PATH, 'utf8')) as AsyncApiDocument;
}

/** Checks payloads against docs/asyncapi.yaml. */
export class DocumentedMessages {
  readonly #document = readAsyncApi();
  readonly #ajv: Ajv2020;

  /** `closed`: a field that is not documented is an error, as it is not for clients. */
  constructor({ closed }: { readonly closed: boolean }) {
    this.#ajv = new Ajv2020({ strict: true, allErrors: true, strictRequired: false });
    this.#ajv.addFormat('date-time', INSTANT);
    const { components } = this.#document;
    const schema = { $id: 'asyncapi', components: closed ? closedSchema(components) : components };
    this.#ajv.addVocabulary(['components', 'name', 'summary', 'payload', 'messages', 'schemas']);
    this.#ajv.addSchema(schema);
  }

  get names(): string[] {
    return Object.keys(this.#document.components.messages);
  }

  isValid(name: string, payload: unknown): boolean {
    return this.#validator(name)(payload);
  }

  /** What is wrong, in words; empty when nothing is. */
  problemsOf(name: string, payload: unknown): string[] {
    const validate = this.#validator(name);
    if (validate(payload)) return [];
    const problems = (validate.errors ?? []).map(
      ({ instancePath, message }) => `${name}${instancePath} ${message}`,
    );
    return [...problems, JSON.stringify(payload)];
  }

  #validator(name: string): ValidateFunction {
    const found = this.#ajv.getSchema(`asyncapi#/components/messages/${name}/payload`);
    if (found === undefined) throw new Error(`${name} is not documented`);
    return found;
  }
}

function closedSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closedSchema);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, closedSchema(value)]);
  const isObject = 'type' in schema && schema.type === 'object';
  return { ...Object.fromEntries(entries), ...(isObject && { additionalProperties: false }) };
}
