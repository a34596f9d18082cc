/** Fetch (API key 1): reads record batches, for consumers and followers alike. */
import {
  array,
  int16,
  int32,
  int64,
  int8,
  message,
  nested,
  records,
  string,
  struct,
  uuid,
  type InputOf,
  type TypeOf,
} from '../notation.js';

/** What a consumer or follower wants next, of each partition; incremental within a fetch session (KIP-227). */
export const fetchRequest = message(
  { name: 'FetchRequest', kind: 'request', apiKey: 1, versions: '0-15', flexible: '12+' },
  {
    clusterId: string('12+', { nullable: '12+', default: null, ignorable: true, tagged: '12+', tag: 0 }),
    /** The follower; -1 from consumers. From version 15 in `replicaState`. */
    replicaId: int32('0-14', { default: -1 }),
    replicaState: nested(
      '15+',
      struct('ReplicaState', {
        /** The follower; -1 from consumers. From version 15 in `replicaState`. */
        replicaId: int32('15+', { default: -1 }),
        replicaEpoch: int64('15+', { default: -1n }),
      }),
      { tagged: '15+', tag: 1 },
    ),
    maxWaitMs: int32('0+'),
    minBytes: int32('0+'),
    /** A soft bound: the first batch comes whole, however large. */
    maxBytes: int32('3+', { default: 2147483647, ignorable: true }),
    /** 0: read uncommitted; 1: read committed. */
    isolationLevel: int8('4+', { default: 0, ignorable: true }),
    sessionId: int32('7+', { default: 0, ignorable: true }),
    /** -1 ends a session, 0 begins one, others go on with it. */
    sessionEpoch: int32('7+', { default: -1, ignorable: true }),
    topics: array(
      '0+',
      struct('FetchTopic', {
        topic: string('0-12', { ignorable: true }),
        topicId: uuid('13+', { ignorable: true }),
        partitions: array(
          '0+',
          struct('FetchPartition', {
            partition: int32('0+'),
            currentLeaderEpoch: int32('9+', { default: -1, ignorable: true }),
            fetchOffset: int64('0+'),
            /** With it the leader recognises a diverging log without a further request (KIP-595). */
            lastFetchedEpoch: int32('12+', { default: -1 }),
            /** Of the follower; the leader moves the low watermark by it. */
            logStartOffset: int64('5+', { default: -1n, ignorable: true }),
            partitionMaxBytes: int32('0+'),
          }),
        ),
      }),
    ),
    /** What leaves an incremental session. */
    forgottenTopicsData: array(
      '7+',
      struct('ForgottenTopic', {
        topic: string('7-12', { ignorable: true }),
        topicId: uuid('13+', { ignorable: true }),
        partitions: array('7+', 'int32'),
      }),
    ),
    rackId: string('11+', { default: '', ignorable: true }),
  },
);
export type FetchRequest = TypeOf<typeof fetchRequest>;
export type FetchRequestInput = InputOf<typeof fetchRequest>;
export type FetchRequestReplicaState = FetchRequest['replicaState'];
export type FetchTopic = FetchRequest['topics'][number];
export type FetchPartition = FetchTopic['partitions'][number];
export type FetchRequestForgottenTopic = FetchRequest['forgottenTopicsData'][number];

/**
 * Record batches by partition. Within a session only partitions that have something to say.
 * Errors: of the session FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR; of a partition
 * OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, REPLICA_NOT_AVAILABLE,
 * KAFKA_STORAGE_ERROR, TOPIC_AUTHORIZATION_FAILED, UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID, UNSUPPORTED_COMPRESSION_TYPE (zstd before version 10),
 * CORRUPT_MESSAGE.
 */
export const fetchResponse = message(
  { name: 'FetchResponse', kind: 'response', apiKey: 1, versions: '0-15', flexible: '12+' },
  {
    throttleTimeMs: int32('1+', { ignorable: true }),
    errorCode: int16('7+', { ignorable: true }),
    sessionId: int32('7+', { default: 0 }),
    responses: array(
      '0+',
      struct('FetchableTopicResponse', {
        topic: string('0-12', { ignorable: true }),
        topicId: uuid('13+', { ignorable: true }),
        partitions: array(
          '0+',
          struct('PartitionData', {
            partitionIndex: int32('0+'),
            errorCode: int16('0+'),
            highWatermark: int64('0+'),
            /** Up to here all transactions are decided. */
            lastStableOffset: int64('4+', { default: -1n, ignorable: true }),
            logStartOffset: int64('5+', { default: -1n, ignorable: true }),
            /** Where to truncate, when the logs diverge. */
            divergingEpoch: nested(
              '12+',
              struct('EpochEndOffset', {
                epoch: int32('12+', { default: -1 }),
                endOffset: int64('12+', { default: -1n }),
              }),
              { tagged: '12+', tag: 0 },
            ),
            currentLeader: nested(
              '12+',
              struct('LeaderIdAndEpoch', {
                leaderId: int32('12+', { default: -1 }),
                leaderEpoch: int32('12+', { default: -1 }),
              }),
              { tagged: '12+', tag: 1 },
            ),
            snapshotId: nested(
              '12+',
              struct('SnapshotId', {
                endOffset: int64('0+', { default: -1n }),
                epoch: int32('0+', { default: -1 }),
              }),
              { tagged: '12+', tag: 2 },
            ),
            /** What a reader of committed records must drop. Null when it reads uncommitted ones. */
            abortedTransactions: array(
              '4+',
              struct('AbortedTransaction', {
                producerId: int64('4+'),
                firstOffset: int64('4+'),
              }),
              { nullable: '4+', ignorable: true },
            ),
            /** A follower nearer to the consumer (KIP-392); -1 is none. */
            preferredReadReplica: int32('11+', { default: -1 }),
            records: records('0+', { nullable: '0+' }),
          }),
        ),
      }),
    ),
  },
);
export type FetchResponse = TypeOf<typeof fetchResponse>;
export type FetchResponseInput = InputOf<typeof fetchResponse>;
export type FetchableTopicResponse = FetchResponse['responses'][number];
export type FetchResponsePartitionData = FetchableTopicResponse['partitions'][number];
export type FetchResponseEpochEndOffset = FetchResponsePartitionData['divergingEpoch'];
export type FetchResponseLeaderIdAndEpoch = FetchResponsePartitionData['currentLeader'];
export type FetchResponseSnapshotId = FetchResponsePartitionData['snapshotId'];
export type FetchResponseAbortedTransaction = NonNullable<FetchResponsePartitionData['abortedTransactions']>[number];
