// Turns vitest's JSON report into the one plain line that the CI reads:
//   N passed, N failed, N skipped
import { existsSync, readFileSync } from 'node:fs';

/**
 * Prints the line and returns the exit code: 1 on any failure, and 1 when no test passed.
 *
 * `failuresElsewhere` counts what failed outside vitest (a build, a lint rule), so that the line is
 * never green when the run is red.
 */
export function printSummary(reportFile, failuresElsewhere = 0) {
  const report = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : undefined;
  const passed = report?.numPassedTests ?? 0;
  const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
  // A file that does not load has no failed test in the report, only a failed suite.
  const brokenFiles = report?.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  const failed = (report?.numFailedTests ?? 0) + (brokenFiles?.length ?? 0) + failuresElsewhere;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || passed === 0 ? 1 : 0;
}
