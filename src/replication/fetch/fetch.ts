import type { Int64 } from '../../records/index.js';
import type { TopicPartition } from '../../cluster/index.js';
import type { FetchIsolation, ReadRoom } from '../../log/index.js';
import type { FetchResponseInput } from '../../protocol/index.js';

/** What the server knows of the client behind a Fetch request, and decides for it. */
export interface FetchCallContext {
  /** The listener that the request came by: where a preferred replica must be reachable. */
  readonly listenerName: string;
  readonly clientAddress: string;
  /** Whether the sender may act as a broker (CLUSTER_ACTION). That it names a replica says nothing. */
  readonly mayReplicate: boolean;
  /** Checked for each partition before it is read: 0, or the error to answer (authorization, unknown topic). */
  readonly authorize: (tp: TopicPartition) => number;
  /** Where the answer counts from when it is read for, which may be long after the request came. Absent: there is no limit. */
  readonly room?: ReadRoom;
  /** Called instead of the answer when something was thrown that should not be: the client must not wait for ever. */
  readonly fail: (error: unknown) => void;
}

/** Takes the answer. With a delay it is not to be sent before that is over: there was no room to let the fetch wait. */
export type FetchResponseHandler = (response: FetchResponseInput, delayMs?: number) => void;

/** A fetch that is not answered yet. */
export interface FetchUnderWay {
  /** Its client is gone: nothing more is read or watched for it, and it is not answered. */
  giveUp(): void;
  /**
   * For a large one: ends when nothing but records is waited for, or it is given up. Until then, or its answer, it goes on with this broker's
   * own turns and disks.
   */
  readonly isBeginning: Promise<void> | null;
}

/** What holds for all partitions of a fetch (Kafka's `FetchParams`). */
export interface FetchParams {
  /** The follower's broker id, or -1 for a consumer. */
  readonly replicaId: number;
  /** It is a follower's, who may be one. */
  readonly privileged: boolean;
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  /** Where its answer counts. */
  readonly room?: ReadRoom;
  readonly isolation: FetchIsolation;
  /** Only the leader may answer: followers' fetches, and consumers' below v11. */
  readonly fetchOnlyLeader: boolean;
  /** Fetch v2 and below: not even the first batch may exceed the limits. */
  readonly hardMaxBytesLimit: boolean;
  /** The consumer's rack and listener, for the choice of a preferred replica; null for followers and below v11. */
  readonly client: { readonly rackId: string; readonly listenerName: string } | null;
}

/** What is answered for one partition. */
export interface FetchPartitionResult {
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly records: Buffer | readonly Buffer[] | null;
  readonly sizeInBytes: number;
  readonly abortedTransactions: readonly { readonly producerId: Int64; readonly firstOffset: number }[] | null;
  readonly divergingEpoch: { readonly epoch: number; readonly endOffset: number } | null;
  readonly preferredReadReplica: number;
}
