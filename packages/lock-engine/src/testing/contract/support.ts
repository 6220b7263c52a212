import { test } from 'vitest';

/** Whether an implementation does something; what it does not, it gives a reason for. */
export type Support = true | { readonly not: string };

/** What an implementation does not do. Whatever is not listed, it does. */
export type Supports<Feature extends string> = { readonly [Name in Feature]?: Support };

/** A test of a feature, or, where it is not supported, a skipped one that says why. */
export function testOf<Feature extends string>(supports: Supports<Feature> | undefined) {
  return (feature: Feature, title: string, run: () => Promise<void>): void => {
    const support: Support = supports?.[feature] ?? true;
    const gap = support === true ? '' : ` (not: ${support.not})`;
    test.skipIf(gap !== '')(`${title}${gap}`, run);
  };
}
