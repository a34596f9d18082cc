/** How a consumer of kafkajs is ended, so that it ends whatever its cluster does meanwhile. */
import { logLevel, type Consumer, type logCreator } from 'kafkajs';

/** What kafkajs says, at DEBUG, of a fetch after its consumer was told to stop. */
const FETCH_AFTER_STOP = 'consumer not running, exiting';

/**
 * A log of kafkajs that says nothing. A consumer that is stopped while its fetchers are made anew, since brokers came or went, leaves new ones
 * behind that ask again and again in microtasks: nothing else of this process would ever run. That line is all that is heard of them, and they do not
 * survive that it throws.
 */
export const endingLog: logCreator =
  () =>
  ({ level, log }) => {
    if (level === logLevel.DEBUG && log.message === FETCH_AFTER_STOP) throw new Error(log.message);
  };

/** Stops a consumer of a client that was given `endingLog`: commits, leaves the group and disconnects. */
export async function stopConsumer(consumer: Pick<Consumer, 'logger' | 'disconnect'>): Promise<void> {
  consumer.logger().setLogLevel(logLevel.DEBUG);
  await consumer.disconnect();
}
