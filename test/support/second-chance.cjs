/**
 * Tests of real processes share two cores with a ZooKeeper ensemble and a JVM or two; sessions end there that would not elsewhere. A test
 * that fails is run once more, and its first failure is printed.
 */
jest.retryTimes(1, { logErrorsBeforeRetry: true });
