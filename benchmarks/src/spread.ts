/** Figures of the same thing from several samples. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Throws `RangeError` without figures. */
export function spreadOf(figures: readonly number[]): Spread {
  const sorted = [...figures].sort((a, b) => a - b);
  const min = sorted[0];
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) throw new RangeError('no figures');
  const middle = sorted.length / 2;
  const below = sorted[Math.ceil(middle) - 1] ?? min;
  const above = sorted[Math.floor(middle)] ?? max;
  return { min, median: (below + above) / 2, max };
}

/** The spread of the ratios of figures that were measured one after the other. */
export function ratioOf(figures: readonly number[], baseline: readonly number[]): Spread {
  return spreadOf(figures.map((figure, round) => figure / (baseline[round] ?? Number.NaN)));
}
