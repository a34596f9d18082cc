import {
  groupMetadataKey,
  groupMetadataValue,
  offsetCommitKey,
  offsetCommitValue,
  transactionLogKey,
  transactionLogValue,
} from '../../protocol/index.js';
import { ClientError } from '../client/client-error.js';
import { TRANSACTION_STATES } from '../dump-log/transaction-states.js';

/** A record as a formatter sees it. */
export interface ConsumedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestamp: bigint;
  readonly timestampType: 'CreateTime' | 'LogAppendTime' | 'NoTimestampType';
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[];
}

/** What is printed of a record; empty for one that is left out. */
export type RecordFormatter = (record: ConsumedRecord) => Buffer;

/** The formatter of a class name of Kafka's, with its properties. Throws for a name that is none here. */
export function createFormatter(name: string, properties: ReadonlyMap<string, string>): RecordFormatter {
  const create = Object.hasOwn(FORMATTERS, name) ? FORMATTERS[name] : undefined;
  if (!create) throw new ClientError('java.lang.ClassNotFoundException', name);
  return create(properties);
}

const NOTHING = Buffer.alloc(0);
const line = (text: string): Buffer => Buffer.from(`${text}\n`, 'utf8');

const FORMATTERS: Readonly<Record<string, (properties: ReadonlyMap<string, string>) => RecordFormatter>> = {
  'kafka.tools.DefaultMessageFormatter': defaultFormatter,
  'kafka.tools.NoOpMessageFormatter': () => () => NOTHING,
  'kafka.coordinator.group.GroupMetadataManager$OffsetsMessageFormatter': () => offsetsFormatter,
  'kafka.coordinator.group.GroupMetadataManager$GroupMetadataMessageFormatter': () => groupMetadataFormatter,
  'kafka.coordinator.transaction.TransactionLog$TransactionLogMessageFormatter': () => transactionLogFormatter,
};

/** Turns bytes into what is printed of them. */
type Deserializer = (bytes: Buffer) => Buffer;

const asText =
  (read: (bytes: Buffer) => string | number | bigint, size?: number): Deserializer =>
  (bytes) => {
    if (size !== undefined && bytes.length !== size) {
      throw new ClientError(
        'org.apache.kafka.common.errors.SerializationException',
        `Size of data received by deserializer is not ${size}`,
      );
    }
    return Buffer.from(String(read(bytes)), 'utf8');
  };

const DESERIALIZERS: Readonly<Record<string, Deserializer>> = {
  StringDeserializer: (bytes) => bytes,
  ByteArrayDeserializer: (bytes) => bytes,
  BytesDeserializer: (bytes) => bytes,
  ShortDeserializer: asText((bytes) => bytes.readInt16BE(0), 2),
  IntegerDeserializer: asText((bytes) => bytes.readInt32BE(0), 4),
  LongDeserializer: asText((bytes) => bytes.readBigInt64BE(0), 8),
  FloatDeserializer: asText((bytes) => bytes.readFloatBE(0), 4),
  DoubleDeserializer: asText((bytes) => bytes.readDoubleBE(0), 8),
  UUIDDeserializer: asText((bytes) => bytes.toString('utf8')),
};

function deserializer(className: string | undefined): Deserializer {
  if (className === undefined) return (bytes) => bytes;
  const simpleName = className.slice(className.lastIndexOf('.') + 1);
  if (Object.hasOwn(DESERIALIZERS, simpleName)) return DESERIALIZERS[simpleName]!;
  throw new ClientError('java.lang.ClassNotFoundException', className);
}

/** `kafka.tools.DefaultMessageFormatter`. */
function defaultFormatter(properties: ReadonlyMap<string, string>): RecordFormatter {
  const flag = (name: string, otherwise: boolean) =>
    (properties.get(`print.${name}`) ?? String(otherwise)).trim().toLowerCase() === 'true';
  const show = {
    timestamp: flag('timestamp', false),
    partition: flag('partition', false),
    offset: flag('offset', false),
    headers: flag('headers', false),
    key: flag('key', false),
    value: flag('value', true),
  };
  const text = (name: string, otherwise: string) => Buffer.from(properties.get(name) ?? otherwise, 'utf8');
  const keySeparator = text('key.separator', '\t');
  const lineSeparator = text('line.separator', '\n');
  const headersSeparator = text('headers.separator', ',');
  const nullLiteral = text('null.literal', 'null');
  const ofKey = deserializer(properties.get('key.deserializer'));
  const ofValue = deserializer(properties.get('value.deserializer'));
  const ofHeaders = deserializer(properties.get('headers.deserializer'));

  const headersOf = ({ headers }: ConsumedRecord): Buffer => {
    if (headers.length === 0) return Buffer.from('NO_HEADERS');
    const parts = headers.flatMap(({ key, value }, i) => [
      ...(i > 0 ? [headersSeparator] : []),
      Buffer.from(`${key}:`, 'utf8'),
      ofHeaders(value ?? nullLiteral),
    ]);
    return Buffer.concat(parts);
  };

  return (record) => {
    const columns: Buffer[] = [];
    if (show.timestamp) {
      const known = record.timestampType !== 'NoTimestampType';
      columns.push(Buffer.from(known ? `${record.timestampType}:${record.timestamp}` : 'NO_TIMESTAMP'));
    }
    if (show.partition) columns.push(Buffer.from(`Partition:${record.partition}`));
    if (show.offset) columns.push(Buffer.from(`Offset:${record.offset}`));
    if (show.headers) columns.push(headersOf(record));
    if (show.key) columns.push(ofKey(record.key ?? nullLiteral));
    if (show.value) columns.push(ofValue(record.value ?? nullLiteral));
    return Buffer.concat(
      columns.flatMap((column, i) => [column, i === columns.length - 1 ? lineSeparator : keySeparator]),
    );
  };
}

const OFFSET_KEY_MAX_VERSION = 1;
const GROUP_KEY_VERSION = 2;

/** Committed offsets in `__consumer_offsets`: `[group,topic,partition]::OffsetAndMetadata(…)`. */
function offsetsFormatter({ key, value }: ConsumedRecord): Buffer {
  if (key === null || key.readInt16BE(0) > OFFSET_KEY_MAX_VERSION) return NOTHING;
  const { group, topic, partition } = offsetCommitKey.decode(key, key.readInt16BE(0), 2);
  let text = 'NULL';
  if (value !== null) {
    const version = value.readInt16BE(0);
    const commit = offsetCommitValue.decode(value, version, 2);
    const leaderEpoch = commit.leaderEpoch < 0 ? 'Optional.empty' : `Optional[${commit.leaderEpoch}]`;
    const expireTimestamp = commit.expireTimestamp < 0n ? 'None' : `Some(${commit.expireTimestamp})`;
    text =
      `OffsetAndMetadata(offset=${commit.offset}, leaderEpoch=${leaderEpoch}, metadata=${commit.metadata}, ` +
      `commitTimestamp=${commit.commitTimestamp}, expireTimestamp=${expireTimestamp})`;
  }
  return line(`[${group},${topic},${partition}]::${text}`);
}

/** Groups in `__consumer_offsets`, as Scala prints Kafka's `GroupMetadata`. */
function groupMetadataFormatter({ key, value }: ConsumedRecord): Buffer {
  if (key === null || key.readInt16BE(0) !== GROUP_KEY_VERSION) return NOTHING;
  const { group } = groupMetadataKey.decode(key, GROUP_KEY_VERSION, 2);
  if (value === null) return line(`${group}::NULL`);
  const metadata = groupMetadataValue.decode(value, value.readInt16BE(0), 2);
  const state = metadata.members.length === 0 ? 'Empty' : 'Stable';
  const members = metadata.members.map(
    (member) =>
      `${member.memberId} -> MemberMetadata(memberId=${member.memberId}, ` +
      `groupInstanceId=${member.groupInstanceId === null ? 'None' : `Some(${member.groupInstanceId})`}, ` +
      `clientId=${member.clientId}, clientHost=${member.clientHost}, sessionTimeoutMs=${member.sessionTimeout}, ` +
      `rebalanceTimeoutMs=${member.rebalanceTimeout}, supportedProtocols=List(${metadata.protocol ?? ''}))`,
  );
  const protocolType = metadata.protocolType === '' ? 'None' : `Some(${metadata.protocolType})`;
  return line(
    `${group}::GroupMetadata(groupId=${group}, generation=${metadata.generation}, protocolType=${protocolType}, ` +
      `currentState=${state}, members=HashMap(${members.join(', ')}))`,
  );
}

/** Transactions in `__transaction_state`, as Scala prints Kafka's `TransactionMetadata`. */
function transactionLogFormatter({ key, value }: ConsumedRecord): Buffer {
  if (key === null) return NOTHING;
  const { transactionalId } = transactionLogKey.decode(key, key.readInt16BE(0), 2);
  if (value === null) return line(`${transactionalId}::NULL`);
  const it = transactionLogValue.decode(value, value.readInt16BE(0), 2);
  const partitions = (it.transactionPartitions ?? []).flatMap(({ topic, partitionIds }) =>
    partitionIds.map((partition) => `${topic}-${partition}`),
  );
  return line(
    `${transactionalId}::TransactionMetadata(transactionalId=${transactionalId}, producerId=${it.producerId}, ` +
      `producerEpoch=${it.producerEpoch}, txnTimeoutMs=${it.transactionTimeoutMs}, ` +
      `state=${TRANSACTION_STATES[it.transactionStatus] ?? String(it.transactionStatus)}, pendingState=None, ` +
      `topicPartitions=HashSet(${partitions.join(', ')}), txnStartTimestamp=${it.transactionStartTimestampMs}, ` +
      `txnLastUpdateTimestamp=${it.transactionLastUpdateTimestampMs})`,
  );
}
