// `npm run campaign` runs the same tests as `npm test`, only longer, and with a fresh seed.

/** How many rounds, or how many of whatever a test repeats. */
export function campaignRounds(usual: number): number {
  return positive('CAMPAIGN_ROUNDS') ?? usual;
}

/** A broker takes seconds to come back: a tenth of the rounds. */
export function campaignBrokerRounds(usual: number): number {
  const rounds = positive('CAMPAIGN_ROUNDS');
  return rounds === undefined ? usual : Math.ceil(rounds / 10);
}

/** How often an instance of several stands still for longer than a lock lives. */
export function campaignStops(usual: number): number {
  return positive('CAMPAIGN_STOPS') ?? usual;
}

/** How often the instance that tells the changes of all is killed. */
export function campaignKills(usual: number): number {
  return positive('CAMPAIGN_KILLS') ?? usual;
}

export function campaignMessages(usual: number): number {
  return positive('CAMPAIGN_MESSAGES') ?? usual;
}

/** Fixed, unless the campaign gives one; a failure prints it. */
export function campaignSeed(usual: number): number {
  return positive('CAMPAIGN_SEED') ?? usual;
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
