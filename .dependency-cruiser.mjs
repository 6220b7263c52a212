// Who may import whom. Each rule says what to do instead.
const ENGINE = '^packages/lock-engine/src/';
const TESTING = '^packages/lock-engine/src/testing/';
const npm = (...names) => `/node_modules/(?:${names.join('|')})/`;

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      // Types alone may name each other: a lock knows its category, which lists its locks.
      comment: 'Move what both need into a file of its own.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolvable',
      comment:
        'Correct the path, or add the package to this package.json (npm run pnpm -- add ...).',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'engine-imports-nothing',
      comment:
        'The engine stands alone: put what needs another package behind a port, in an adapter.',
      severity: 'error',
      from: { path: ENGINE, pathNot: TESTING },
      to: { pathNot: [ENGINE, npm('eventemitter3')], dependencyTypesNot: ['core'] },
    },
    {
      name: 'engine-testing-imports-test-tools-only',
      comment: 'lock-engine/testing may use fast-check and vitest; the caller passes in the rest.',
      severity: 'error',
      from: { path: TESTING },
      to: {
        pathNot: [ENGINE, npm('eventemitter3', 'fast-check', 'vitest')],
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'engine-has-no-node-builtins',
      comment: 'The engine does no I/O: take it as a port. Only system.ts may touch the platform.',
      severity: 'error',
      from: { path: ENGINE, pathNot: '/system[.]ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'engine-does-not-import-its-testing',
      comment: 'Production code must not need test tools: move what it needs out of src/testing.',
      severity: 'error',
      from: { path: ENGINE, pathNot: TESTING },
      to: { path: TESTING },
    },
    {
      name: 'packages-import-lock-engine-only',
      comment:
        'Adapters never import each other: they meet at the ports of lock-engine, in an app.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/' },
      to: { path: '^(?:packages|apps|benchmarks)/', pathNot: ['^packages/(?:$1|lock-engine)/'] },
    },
    {
      name: 'packages-are-imported-by-name',
      comment: 'Import what the package exports (@ticket-locks/...), not a file of its src.',
      severity: 'error',
      from: { path: '^((?:packages|apps)/[^/]+|benchmarks)/' },
      to: { path: '^(?:packages|apps)/[^/]+/src/', pathNot: '^$1/' },
    },
    {
      name: 'protocol-runs-in-browsers',
      comment:
        'socket-adapter/protocol goes into web pages: no Node, and no package but lock-engine.',
      severity: 'error',
      from: { path: '^packages/socket-adapter/src/protocol' },
      to: {
        pathNot: ['^packages/socket-adapter/src/protocol', '^packages/lock-engine/dist/index'],
      },
    },
    {
      name: 'demo-web-speaks-the-protocol',
      comment: 'Others copy the demo page: of ours it may import socket-adapter/protocol only.',
      severity: 'error',
      from: { path: '^apps/demo-web/src/' },
      to: {
        path: '^(?:packages|apps/realtime-service|benchmarks)/',
        pathNot: '^packages/socket-adapter/dist/protocol',
      },
    },
    {
      name: 'no-dev-dependencies-in-src',
      comment: 'What src imports at run time belongs into dependencies (or peerDependencies).',
      severity: 'error',
      from: { path: '^(?:packages|apps/realtime-service)/[^/]*/?src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer', 'type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['^[^/]+/[^/]+/dist/.*[.]map$'] },
    // Types count: a type from the wrong place ties two packages together as well.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
