import type { Clock } from '../common/index.js';
import { isZkError } from '../zookeeper/index.js';

const RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;

/**
 * Asks ZooKeeper, and asks again after longer and longer whiles until it has been answered. What keeps it from that is told each time. A broker that
 * has stopped asks no more.
 */
export async function untilAnswered(
  clock: Clock,
  ask: () => Promise<void>,
  tell: (error: unknown) => void,
): Promise<void> {
  for (let retryMs = RETRY_MS; ; retryMs = Math.min(2 * retryMs, MAX_RETRY_MS)) {
    try {
      return await ask();
    } catch (error) {
      if (isZkError(error, 'Closed')) return;
      tell(error);
    }
    await new Promise<void>((resolve) => void clock.setTimer(retryMs, resolve, { background: true }));
  }
}
