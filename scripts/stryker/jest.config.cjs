// The tables that speak of the mutated cores, in one project: Stryker looks which test runs which line, and runs only those.
const path = require('node:path');
const { projects } = require('../../jest.config.cjs');

const areas = (process.env.OTTLA_STRYKER_AREAS ?? 'log,replication').split(',');

module.exports = {
  ...projects.find(({ displayName }) => displayName === 'unit'),
  rootDir: path.join(__dirname, '..', '..'),
  // Stryker loads it itself, and puts its own around it.
  testEnvironment: 'node',
  testMatch: areas.map((area) => `<rootDir>/test/unit/${area}/core/**/*.test.ts`),
};
