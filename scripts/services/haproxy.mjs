import { findProgram } from './find-program.mjs';

export const haproxy = {
  variable: 'HAPROXY_PATH',
  neededBy: /haproxy\.int\.test\.ts$/,
  debianPackage: 'haproxy',
  find: () => findProgram('haproxy'),
  // The tests start it themselves, with the configuration that the documentation shows.
  start: (program) => program,
};
