/** The layers of docs/ARCHITECTURE.md as an allow-list: a folder imports what its row names, through index.ts only. */
const LAYERS = {
  common: [],
  cluster: ['common'],
  protocol: ['common'],
  records: ['common'],
  config: ['common'],
  zookeeper: ['common', 'cluster'],
  security: ['common', 'cluster', 'config', 'protocol', 'zookeeper'],
  network: ['common', 'config', 'protocol', 'security'],
  log: ['common', 'cluster', 'config', 'records'],
  replication: ['common', 'cluster', 'config', 'protocol', 'records', 'log'],
  coordinator: ['common', 'cluster', 'config', 'protocol', 'records'],
  controller: ['common', 'cluster', 'config', 'protocol', 'zookeeper'],
  server: [
    'common',
    'cluster',
    'protocol',
    'records',
    'config',
    'zookeeper',
    'security',
    'network',
    'log',
    'replication',
    'coordinator',
    'controller',
  ],
  testing: ['common'],
};
const all = Object.keys(LAYERS).join('|');

module.exports = {
  forbidden: [
    ...Object.entries(LAYERS).map(([folder, allowed]) => ({
      name: `layer-${folder}`,
      severity: 'error',
      comment: `${folder} may import only: ${allowed.join(', ') || 'nothing'}`,
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
    })),
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      comment: 'no broker and no tool loads what simulates a clock, a disk or a network',
      from: { path: '^src/', pathNot: '^src/testing/' },
      to: { path: '^src/testing/' },
    },
    {
      name: 'front-door',
      severity: 'error',
      comment: 'another folder is imported through its index.ts',
      from: { path: '^src/([^/]+)/' },
      to: { path: `^src/(${all})/`, pathNot: ['^src/$1/', `^src/(${all})/index\\.ts$`] },
    },
    {
      name: 'not-own-front-door',
      severity: 'error',
      comment: 'inside a folder import the file, never the own index',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/$1/index\\.ts$' },
    },
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'pure-without-node-io',
      severity: 'error',
      comment: 'pure folders and cores do no I/O',
      from: {
        path: '^src/(cluster|protocol|records|config)/|^src/[^/]+/core/',
        pathNot: '^src/config/properties-file\\.ts$',
      },
      to: { path: '^(node:)?(fs|net|tls|dgram|http|https|child_process|worker_threads|timers)(/|$)' },
    },
    {
      name: 'files-and-sockets-through-ports',
      severity: 'error',
      comment: 'files and sockets are reached through the ports in common, so that a simulation can stand in',
      from: { path: '^src/(log|replication|coordinator|controller|server|zookeeper|network)/' },
      to: { path: '^(node:)?(fs|net|dgram)(/|$)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
