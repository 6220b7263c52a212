import { findProgram } from './find-program.mjs';

export const chromium = {
  variable: 'CHROMIUM_PATH',
  neededBy: /\.e2e\.test\.tsx?$/,
  debianPackage: 'chromium',
  find: () =>
    findProgram(
      'chromium',
      'chromium-browser',
      'google-chrome',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    ),
  // The tests start it themselves; they only need to know where it is.
  start: (program) => program,
};
