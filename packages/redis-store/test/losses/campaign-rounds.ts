// `npm run campaign` runs the same tests as `npm test`, only longer, and with a fresh seed.

/** How many rounds of a kind. */
export function roundsOf(variable: string, usual: number): number {
  return positive(variable) ?? usual;
}

/** Of the first round; the next has the next. Fixed, unless the campaign gives one. */
export function firstSeed(): number {
  return positive('CAMPAIGN_SEED') ?? 1;
}

/** Figures, for whoever runs it. */
export function tell(figures: string): void {
  process.stdout.write(`${figures}\n`);
}

function positive(variable: string): number | undefined {
  const text = process.env[variable];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`${variable} must be a positive integer, got "${text}"`);
}
