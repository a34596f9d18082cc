import type { LogFields, Logger } from '../../../src/common/index.js';
import { silentLogger } from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { AutoTopicCreation } from '../../../src/server/auto-topic-creation.js';

function creation(outcome: () => number) {
  const logged: (LogFields | undefined)[] = [];
  const logger: Logger = { ...silentLogger, warn: (_sentence, fields) => void logged.push(fields) };
  const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]), new Map());
  const creator = {
    createTopics: (topics: readonly { name: string }[]) =>
      Promise.resolve(topics.map(({ name }) => ({ name, errorCode: outcome() }))),
  };
  return {
    logged,
    topics: new AutoTopicCreation(
      () => config,
      creator,
      () => new Map(),
      logger,
    ),
  };
}

test('why an internal topic cannot be made is logged, once for each reason', async () => {
  let outcome: number = ErrorCode.INVALID_REPLICATION_FACTOR;
  const { logged, topics } = creation(() => outcome);
  for (let i = 0; i < 3; i++) await topics.createTopics(['__consumer_offsets']);
  expect(logged).toMatchObject([{ topic: '__consumer_offsets' }]);
  outcome = ErrorCode.TOPIC_ALREADY_EXISTS;
  await expect(topics.createTopics(['__consumer_offsets'])).resolves.toEqual([
    { name: '__consumer_offsets', errorCode: ErrorCode.LEADER_NOT_AVAILABLE, isInternal: true },
  ]);
  expect(logged).toHaveLength(1);
  outcome = ErrorCode.INVALID_REPLICATION_FACTOR;
  await topics.createTopics(['__consumer_offsets']);
  expect(logged).toHaveLength(2);
});
