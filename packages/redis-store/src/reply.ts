import { FIELD, LINE } from './wire-text.js';

/** A value in a reply of a function. */
export type ReplyValue = string | number | readonly ReplyValue[] | null;

/** What every function replies, and what it says besides. */
export interface Reply {
  /** `OK`, the code of a refusal, `MORE` or `NOSTATE`. */
  readonly code: string;
  readonly nowMs: number;
  /** The newest change of the event. */
  readonly seq: number;
  /** What became true, as `changesOf` reads it; empty when nothing did. */
  readonly changes: string;
  /** The event's id, as `idOf` reads it. */
  readonly event: string;
  readonly rest: Fields;
}

/** Fields of a reply in their order, read as what they are. */
export class Fields {
  readonly #values: readonly ReplyValue[];

  constructor(values: readonly ReplyValue[]) {
    this.#values = values;
  }

  get count(): number {
    return this.#values.length;
  }

  text(index: number): string {
    const value = this.#values[index];
    return typeof value === 'string' ? value : String(value ?? '');
  }

  number(index: number): number {
    return Number(this.#values[index]);
  }

  /** The number, or `undefined` where the field is empty. */
  optionalNumber(index: number): number | undefined {
    return this.text(index) === '' ? undefined : this.number(index);
  }

  /** A list, which in a batch comes as a text. */
  fields(index: number): Fields {
    const value = this.#values[index];
    if (typeof value === 'string') return new Fields(value === '' ? [] : value.split(FIELD));
    return new Fields(Array.isArray(value) ? (value as readonly ReplyValue[]) : []);
  }

  texts(): string[] {
    return this.#values.map((_, index) => this.text(index));
  }

  /** The fields from `start` on, each of which is a list of fields. */
  lists(start = 0): Fields[] {
    return this.#values.slice(start).map((_, index) => this.fields(start + index));
  }
}

/** The reply to one call of a batch; what became true by all of them is told with the first. */
export function partOf(whole: Reply, text: string, index: number): Reply {
  const [code = '', ...rest] = text.split(LINE);
  const { nowMs, seq, event } = whole;
  const changes = index === 0 ? whole.changes : '';
  return { code, nowMs, seq, changes, event, rest: new Fields(rest) };
}

/** The reply to a batch of which nothing was carried out, for one of its calls. */
export function shareOf(whole: Reply, index: number): Reply {
  return { ...whole, changes: index === 0 ? whole.changes : '' };
}

/** Reads a reply. Throws `TypeError` when it is none of ours. */
export function replyOf(raw: unknown): Reply {
  if (!Array.isArray(raw)) throw new TypeError('a function replied with something unknown');
  const [code, nowMs, seq, changes, event, ...rest] = raw as ReplyValue[];
  return {
    code: String(code),
    nowMs: Number(nowMs ?? 0),
    seq: Number(seq ?? 0),
    changes: String(changes ?? ''),
    event: String(event ?? ''),
    rest: new Fields(rest),
  };
}
