// As the tests themselves, but the rest of a file is passed over once a test has failed, and nothing is tried a second time.
const path = require('node:path');
const config = require('../../jest.config.cjs');

module.exports = {
  ...config,
  rootDir: path.join(__dirname, '..', '..'),
  projects: config.projects.map((project) => ({
    ...project,
    rootDir: path.join(__dirname, '..', '..'),
    testEnvironment: '<rootDir>/scripts/mutants/first-failure-environment.cjs',
    setupFilesAfterEnv: ['<rootDir>/test/support/patience.cjs'],
  })),
};
