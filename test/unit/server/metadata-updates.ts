/** What the controller tells, taken in one step. */
import type { TopicPartition } from '../../../src/cluster/index.js';
import { runAtOnce } from '../../../src/common/index.js';
import type { UpdateMetadataRequest } from '../../../src/protocol/index.js';
import type { MetadataCache } from '../../../src/server/metadata-cache.js';

/** Gives the partitions that are gone. */
export function updateAtOnce(metadata: MetadataCache, request: UpdateMetadataRequest): TopicPartition[] {
  const replaced = runAtOnce(metadata.forgetReplaced(request));
  const deleted = metadata.putInForce(runAtOnce(metadata.draft(request)));
  runAtOnce(metadata.merge());
  return [...replaced, ...deleted];
}

/** Of a cache that is told of nothing: for handlers' tests. */
export function* noSteps<T>(result: T): Generator<void, T, void> {
  return result;
}
