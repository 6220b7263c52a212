export type Variables = Readonly<Record<string, string | undefined>>;

export interface IntegerBounds {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

/** The longest duration that is accepted anywhere: a year. */
const YEAR_S = 365 * 86_400;
const SECONDS = { seconds: 1, minutes: 60, hours: 3600 } as const;

/**
 * Reads variables one by one and remembers every problem, so that all are told at once. Empty is
 * unset.
 */
export class Environment {
  readonly problems: string[] = [];
  readonly #variables: Variables;

  constructor(variables: Variables) {
    this.#variables = variables;
  }

  text(name: string): string | undefined {
    const value = this.#variables[name]?.trim();
    return value === '' ? undefined : value;
  }

  integer(name: string, { fallback, min, max }: IntegerBounds): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    return this.#refuse(name, `an integer from ${min} to ${max}`, fallback);
  }

  /** Returns milliseconds. */
  durationMs(
    name: string,
    unit: keyof typeof SECONDS,
    { fallback, min }: { readonly fallback: number; readonly min: number },
  ): number {
    const seconds = SECONDS[unit];
    return this.integer(name, { fallback, min, max: YEAR_S / seconds }) * seconds * 1000;
  }

  /** A limit; 0 is none. */
  limit(name: string, fallback: number): number {
    return this.integer(name, { fallback, min: 0, max: 1_000_000_000 });
  }

  choice<Choice extends string>(
    name: string,
    choices: readonly Choice[],
    fallback: Choice,
  ): Choice {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const choice = choices.find((one) => one === value);
    return choice ?? this.#refuse(name, `one of ${choices.join(', ')}`, fallback);
  }

  /** Comma-separated. */
  list(name: string, fallback: readonly string[]): readonly string[] {
    const items = this.text(name)
      ?.split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    return items ?? fallback;
  }

  url(name: string, protocols: readonly string[]): string | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : this.#checkedUrls(name, [value], protocols);
  }

  /** One URL, or several with commas between them. */
  urls(name: string, protocols: readonly string[]): string | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : this.#checkedUrls(name, value.split(','), protocols);
  }

  object(name: string, fallback: object): object {
    const value = this.text(name);
    if (value === undefined) return fallback;
    try {
      const parsed: unknown = JSON.parse(value);
      if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
    } catch {
      // Told below, as what is JSON but no object.
    }
    return this.#refuse(name, 'a JSON object', fallback);
  }

  problem(text: string): void {
    this.problems.push(text);
  }

  #checkedUrls(name: string, urls: readonly string[], protocols: readonly string[]): string {
    const isFine = urls.every(
      (url) => URL.canParse(url) && protocols.includes(new URL(url).protocol),
    );
    // The value is not repeated: it may contain a password.
    const schemes = protocols.map((protocol) => `${protocol}//`).join(' or ');
    if (!isFine) this.problems.push(`${name} must be a URL that begins with ${schemes}`);
    return urls.join(',');
  }

  #refuse<Value>(name: string, expectation: string, fallback: Value): Value {
    this.problems.push(`${name} must be ${expectation}, got "${this.text(name)}"`);
    return fallback;
  }
}
