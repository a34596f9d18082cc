import { forEachInSteps, type Steps } from '../../common/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { configEntityZnode } from '../../zookeeper/index.js';
import { AdminError } from './admin-error.js';

/** Of one request a server of ZooKeeper takes (`jute.maxbuffer`), less what else stands in the znode and in the request. */
const MAX_BYTES = 0xfffff - 4096;

/**
 * Refuses an assignment that does not fit into one znode. Servers close the connection of who sends it, and everything else that the broker asks
 * of ZooKeeper waits for the next one. (Kafka's broker sends it again for ever.)
 */
export function* requireFittingAssignment(
  assignment: Iterable<readonly [number, readonly number[]]>,
  besideBytes = 0,
): Steps<void> {
  let bytes = besideBytes;
  yield* forEachInSteps(assignment, ([partition, replicas]) => {
    // As JSON: "12":[1,2],
    bytes += digits(partition) + 5;
    for (const replica of replicas) bytes += digits(replica) + 1;
  });
  if (bytes <= MAX_BYTES) return;
  const message = `The assignment of the topic takes ${bytes} bytes, more than the ${MAX_BYTES} that fit into a znode.`;
  throw new AdminError(ErrorCode.INVALID_PARTITIONS, message);
}

/** The same of what is configured for one resource. Gives its bytes. */
export function requireFittingConfig(config: ReadonlyMap<string, string>): number {
  const bytes = configEntityZnode.encode(config).length;
  if (bytes <= MAX_BYTES) return bytes;
  const message = `The configuration takes ${bytes} bytes, more than the ${MAX_BYTES} that fit into a znode.`;
  throw new AdminError(ErrorCode.INVALID_CONFIG, message);
}

function digits(value: number): number {
  return String(value).length;
}
