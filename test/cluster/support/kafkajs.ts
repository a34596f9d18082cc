import { Kafka, logLevel, type KafkaConfig } from 'kafkajs';
import { endingLog } from '../../../src/cli/client/kafkajs-consumer.js';
import { kafkaJsSocket } from '../../../src/cli/client/kafkajs-socket.js';

/** A kafkajs client that is silent and keeps trying for some 30 s. */
export function kafkaJsOf(brokers: readonly string[], overrides: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({
    clientId: 'test',
    socketFactory: kafkaJsSocket,
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    logCreator: endingLog,
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 60 },
    ...overrides,
  });
}
