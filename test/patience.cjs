/** No test fails for being slow on a busy machine: speed is measured in benchmarks, and a hang ends here. */
jest.setTimeout(120_000);
