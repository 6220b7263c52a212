// The last line of a test run, which the CI reads: N passed, N failed, N skipped.
import { existsSync, readFileSync } from 'node:fs';

const NOTHING_RAN = {
  numPassedTests: 0,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [],
};

/**
 * Prints the line from vitest's JSON report, and returns the exit code: 1 on any failure, and 1
 * when no test passed.
 *
 * `failuresElsewhere` counts what failed outside of vitest (the build, a lint rule): the line is
 * never green when the run is red.
 */
export function printSummary(reportFile, failuresElsewhere, vitestExitCode) {
  const report = existsSync(reportFile)
    ? JSON.parse(readFileSync(reportFile, 'utf8'))
    : NOTHING_RAN;
  // A file that cannot be loaded has no failed test in the report; it counts as one.
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(isFailed),
  );
  const failedTests = report.numFailedTests + brokenFiles.length;
  // Nor does the report tell of an unhandled error, or that there was nothing to run.
  const isUnexplained = vitestExitCode !== 0 && failedTests === 0;
  const failed = failedTests + failuresElsewhere + (isUnexplained ? 1 : 0);
  const skipped = report.numPendingTests + report.numTodoTests;
  console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || report.numPassedTests === 0 ? 1 : 0;
}

function isFailed(test) {
  return test.status === 'failed';
}
