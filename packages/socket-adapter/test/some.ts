import { expect } from 'vitest';

/** For `toEqual`: values that are not foreseen, only their kind. */
export const someText: unknown = expect.any(String);
export const someNumber: unknown = expect.any(Number);
export const someInstant: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
