/** No test fails for being slow on a busy machine: speed is measured in benchmarks, and a hang ends here. */
jest.setTimeout(Number(process.env.OTTLA_TEST_TIMEOUT_MS ?? 120_000));
