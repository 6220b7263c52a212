import type { Evidence, Problem } from './journal.js';
import { lossProblems } from './loss-audit.js';
import { promiseProblems } from './promise-audit.js';
import { salesProblems } from './sales-audit.js';

/** Everything in the evidence of a round that must never be. Pure. */
export function audit(evidence: Evidence): Problem[] {
  return [...salesProblems(evidence), ...promiseProblems(evidence), ...lossProblems(evidence)];
}
