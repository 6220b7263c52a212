// The door of every npm script. It needs nothing but Node and npm, and brings the rest.
//
// No import statement and no new syntax in this file: a Node that is too old must get far enough to
// say so, instead of dying of a syntax error.
var version = process.versions.node.split('.').map(Number);
if (version[0] < 20 || (version[0] === 20 && version[1] < 19)) {
  console.error(
    'ticket-locks needs Node 20.19 or newer, and this is ' +
      process.version +
      '. ' +
      'Install a newer one from https://nodejs.org and try again.',
  );
  process.exit(1);
}

import('./commands.mjs')
  .then(function (commands) {
    return commands.runCommand(process.argv[2], process.argv.slice(3));
  })
  .then(
    function (exitCode) {
      process.exitCode = exitCode;
    },
    function (error) {
      console.error(error && error.isExpected ? error.message : error);
      process.exitCode = (error && error.exitCode) || 1;
    },
  );
