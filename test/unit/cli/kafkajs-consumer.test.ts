/** A consumer of kafkajs ends, also while brokers come and go. */
import { EventEmitter } from 'node:events';
import { logLevel, type Logger } from 'kafkajs';
import { endingLog, stopConsumer } from '../../../src/cli/client/kafkajs-consumer.js';
import { eventually } from '../../support/eventually.js';

// What kafkajs makes its consumers of.
interface Runner {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly consuming: boolean;
}

const Runner = require('kafkajs/src/consumer/runner') as new (options: object) => Runner;
const { createLogger } = require('kafkajs/src/loggers') as { createLogger: (options: object) => Logger };

/** More than a fetcher asks for in the life of this test. */
const TOO_OFTEN = 10_000;

/** A group whose member fetches from the brokers that there are, as long as this says; it has left at the end. */
class Group {
  nodeIds = [1, 2];
  hasLeft = false;
  asked = 0;
  readonly fetching = new Map<number, () => void>();
  readonly connect = (): Promise<void> => Promise.resolve();
  readonly joinAndSync = this.connect;
  readonly heartbeat = this.connect;

  getNodeIds(): number[] {
    // Nothing else would end the test.
    if (this.asked++ > TOO_OFTEN) throw new Error('asks for ever');
    return this.nodeIds;
  }

  fetch(nodeId: number): Promise<[]> {
    return new Promise((resolve) => this.fetching.set(nodeId, () => resolve([])));
  }

  leave(): Promise<void> {
    this.hasLeft = true;
    return Promise.resolve();
  }
}

test('one that is stopped while its fetchers are made anew leaves none behind', async () => {
  const logger = createLogger({ level: logLevel.NOTHING, logCreator: endingLog });
  const consumerGroup = new Group();
  const crashes: Error[] = [];
  const runner = new Runner({
    logger,
    consumerGroup,
    instrumentationEmitter: new EventEmitter(),
    concurrency: 1,
    retry: { initialRetryTime: 10 },
    onCrash: (error: Error) => crashes.push(error),
  });
  await runner.start();
  // A third broker comes: the fetcher of the first finds that out, and the second one's is waited for, which ends after the stop.
  consumerGroup.nodeIds = [1, 2, 3];
  consumerGroup.fetching.get(1)!();
  await eventually(() => consumerGroup.asked > 3, { what: 'the first fetcher to look at the brokers' });
  const stopped = stopConsumer({ logger: () => logger, disconnect: () => runner.stop() });
  consumerGroup.fetching.get(2)!();
  await stopped;
  await eventually(() => !runner.consuming, { what: 'the fetchers to end' });
  expect(consumerGroup.hasLeft).toBe(true);
  expect(consumerGroup.asked).toBeLessThan(100);
  expect(crashes).toEqual([]);
});
