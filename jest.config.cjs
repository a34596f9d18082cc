const base = {
  testEnvironment: '<rootDir>/test/support/environment.cjs',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/dist'],
  globalSetup: '<rootDir>/test/fixtures/unpack.cjs',
  setupFilesAfterEnv: ['<rootDir>/test/support/patience.cjs'],
};
const project = (displayName, extra = {}) => ({
  ...base,
  displayName,
  testMatch: [`<rootDir>/test/${displayName}/**/*.test.ts`],
  ...extra,
});

module.exports = {
  projects: [
    ...['unit', 'conformance', 'contract', 'simulation', 'crash'].map((name) => project(name)),
    project('cluster', {
      setupFilesAfterEnv: [...base.setupFilesAfterEnv, '<rootDir>/test/support/second-chance.cjs'],
    }),
  ],
};
