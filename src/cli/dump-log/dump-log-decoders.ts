/** What a record's key and value are to whoever dumps a log: text, or the records of an internal topic. */
import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import { javaStringHashCode } from '../../common/index.js';
import {
  consumerProtocolAssignment,
  groupMetadataKey,
  groupMetadataValue,
  offsetCommitKey,
  offsetCommitValue,
  transactionLogKey,
  transactionLogValue,
  type GroupMetadataValue,
} from '../../protocol/index.js';
import type { Record } from '../../records/index.js';
import { UncaughtException } from '../options.js';
import { TRANSACTION_STATES } from './transaction-states.js';

/** Null is not printed at all. */
export interface ParsedRecord {
  readonly key: string | null;
  readonly payload: string | null;
}
export type RecordParser = (record: Record) => ParsedRecord;

const DELETED = '<DELETE>';
const ILLEGAL_STATE = 'java.lang.IllegalStateException';

const DECODERS: Readonly<{ [className: string]: (bytes: Buffer) => string }> = {
  'kafka.serializer.StringDecoder': javaText,
  'kafka.serializer.LongDecoder': (bytes) => String(bytes.readBigInt64BE(0)),
  'kafka.serializer.IntegerDecoder': (bytes) => String(bytes.readInt32BE(0)),
  // Kafka prints where its array lies in memory; the bytes say more.
  'kafka.serializer.DefaultDecoder': (bytes) => bytes.toString('hex'),
};

/** UTF-8 as Java decodes it: an encoded half of a surrogate pair is one replacement character, not one for each of its bytes. */
function javaText(bytes: Buffer): string {
  if (!bytes.includes(0xed)) return bytes.toString('utf8');
  const replaced = bytes.toString('latin1').replace(/\xed[\xa0-\xbf][\x80-\xbf]?/g, '\xef\xbf\xbd');
  return Buffer.from(replaced, 'latin1').toString('utf8');
}

/** Keys and values by decoders of Kafka's names. Throws `UncaughtException` for a class that is not among them. */
export function decoderParser(keyDecoder: string, valueDecoder: string): RecordParser {
  const [decodeKey, decodeValue] = [keyDecoder, valueDecoder].map((className) => {
    const decode = Object.hasOwn(DECODERS, className) ? DECODERS[className] : undefined;
    if (decode === undefined) throw new UncaughtException('java.lang.ClassNotFoundException', className);
    return decode;
  }) as [(bytes: Buffer) => string, (bytes: Buffer) => string];
  return ({ key, value }) => ({
    key: key === null ? null : decodeKey(key),
    payload: value === null ? null : decodeValue(value),
  });
}

/** Records of `__consumer_offsets` (`GroupMetadataManager.formatRecordKeyAndValue`). */
export const offsetsParser: RecordParser = ({ key, value }) => {
  if (key === null) {
    throw new UncaughtException(
      'org.apache.kafka.common.KafkaException',
      'Failed to decode message using offset topic decoder (message had a missing key)',
    );
  }
  const version = key.readInt16BE(0);
  if (version === 0 || version === 1) {
    const { group, topic, partition } = offsetCommitKey.decode(key, version, 2);
    return {
      key: `offset_commit::group=${group},partition=${partitionKey({ topic, partition })}`,
      payload: value === null ? DELETED : offsetText(value),
    };
  }
  if (version === 2) {
    const { group } = groupMetadataKey.decode(key, version, 2);
    return { key: `group_metadata::group=${group}`, payload: value === null ? DELETED : groupText(value) };
  }
  return { key: `unknown::version=${version}`, payload: null };
};

function offsetText(value: Buffer): string {
  const version = knownVersion(value, 4, 'Unknown offset message version:');
  const { offset, metadata } = offsetCommitValue.decode(value, version, 2);
  return metadata === '' ? `offset=${offset}` : `offset=${offset},metadata=${metadata}`;
}

function groupText(value: Buffer): string {
  const version = knownVersion(value, 4, 'Unknown group metadata message version:');
  const { protocolType, protocol, generation, members } = groupMetadataValue.decode(value, version, 2);
  const assignments = inScalaHashOrder(members, ({ memberId }) => javaStringHashCode(memberId)).map((member) =>
    memberText(member, protocolType),
  );
  const assignment = `{${assignments.join(',')}}`;
  return JSON.stringify({ protocolType, protocol, generationId: generation, assignment });
}

function memberText({ memberId, assignment }: GroupMetadataValue['members'][number], protocolType: string): string {
  if (protocolType !== 'consumer') return `${memberId}=${hex(assignment)}`;
  const version = assignment.length < 2 ? 0 : assignment.readInt16BE(0);
  const { assignedPartitions, userData } = consumerProtocolAssignment.decode(assignment, Math.min(version, 3), 2);
  const partitions = assignedPartitions.flatMap(({ topic, partitions: list }) =>
    list.map((partition) => partitionKey({ topic, partition })),
  );
  const text = `${memberId}=[${partitions.join(', ')}]`;
  return userData === null || userData.length === 0 ? text : `${text}:${hex(userData)}`;
}

/** As a number in hexadecimal, which has no leading zeros. */
function hex(bytes: Buffer): string {
  return bytes.length === 0
    ? ''
    : BigInt(`0x${bytes.toString('hex')}`)
        .toString(16)
        .toUpperCase();
}

/** Records of `__transaction_state` (`TransactionLog.formatRecordKeyAndValue`). */
export const transactionLogParser: RecordParser = ({ key, value }) => {
  if (key === null) throw new UncaughtException('java.lang.NullPointerException', 'the record has no key');
  const version = key.readInt16BE(0);
  if (version !== 0) return { key: `unknown::version=${version}`, payload: null };
  const { transactionalId } = transactionLogKey.decode(key, version, 2);
  return {
    key: `transaction_metadata::transactionalId=${transactionalId}`,
    payload: value === null ? DELETED : transactionText(value),
  };
};

function transactionText(value: Buffer): string {
  const version = knownVersion(value, 1, 'Unknown version', ' from the transaction log message value');
  const decoded = transactionLogValue.decode(value, version, 2);
  const state = TRANSACTION_STATES[decoded.transactionStatus];
  if (state === undefined) {
    throw new UncaughtException(
      ILLEGAL_STATE,
      `Unknown transaction state id ${decoded.transactionStatus} from the transaction status message`,
    );
  }
  const listed = state === 'Empty' ? [] : (decoded.transactionPartitions ?? []);
  const partitions = listed.flatMap(({ topic, partitionIds }) =>
    partitionIds.map((partition) => ({ topic, partition })),
  );
  const ordered = inScalaHashOrder(partitions, partitionHashCode).map(partitionKey);
  return (
    `producerId:${decoded.producerId},producerEpoch:${decoded.producerEpoch},state=${state},` +
    `partitions=[${ordered.join(',')}],txnLastUpdateTimestamp=${decoded.transactionLastUpdateTimestampMs},` +
    `txnTimeoutMs=${decoded.transactionTimeoutMs}`
  );
}

/** Records of KRaft's metadata log, which a cluster with ZooKeeper does not have. */
export const clusterMetadataParser: RecordParser = ({ offset }) => ({
  key: null,
  payload: `Error at ${offset}, skipping. Records of a KRaft cluster's metadata are not known to this tool.`,
});

function knownVersion(value: Buffer, highest: number, what: string, where = ''): number {
  const version = value.readInt16BE(0);
  if (version < 0 || version > highest) throw new UncaughtException(ILLEGAL_STATE, `${what} ${version}${where}`);
  return version;
}

/** Java's hash code of a `TopicPartition`. */
function partitionHashCode({ topic, partition }: TopicPartition): number {
  return (Math.imul(31, 31 + partition) + javaStringHashCode(topic)) | 0;
}

/** The order in which Scala's mutable hash sets and maps list their items, and so Kafka prints them. */
export function inScalaHashOrder<T>(items: readonly T[], hashCodeOf: (item: T) => number): T[] {
  let capacity = 16;
  while (items.length >= capacity * 0.75) capacity *= 2;
  const keyed = items.map((item) => {
    const hashCode = hashCodeOf(item);
    const hash = hashCode ^ (hashCode >>> 16);
    return { item, hash, bucket: hash & (capacity - 1) };
  });
  return keyed.sort((a, b) => a.bucket - b.bucket || a.hash - b.hash).map(({ item }) => item);
}
