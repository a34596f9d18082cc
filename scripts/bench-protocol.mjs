// Measures the protocol's codecs: MB/s and messages/s for what a busy broker reads and writes. One line a message and direction.
//   npm run bench:protocol -- [SECONDS]     of each, 1 unless told
import { loadSources } from './bundle.mjs';
import { readCommandLine } from './command-line.mjs';

const [seconds = 1] = readCommandLine({}, { words: 'numbers' }).words;
const protocol = await loadSources(`export * from './src/protocol/index.js';`);

/** Each measurement runs for this long, after a quarter of it to warm up. */
const SECONDS = seconds;

const list = (length, make) => Array.from({ length }, (_, index) => make(index));
const uuid = (index) => Buffer.alloc(16, `topic-id-${index}-`).toString('base64url');

/** 100 topics of 10 partitions with three replicas: what a cluster of some size answers or sends. */
const CASES = [
  {
    name: 'Produce v9, 10 partitions of 16 KiB',
    type: protocol.produceRequest,
    version: 9,
    message: {
      acks: -1,
      timeoutMs: 30000,
      topicData: [
        { name: 'orders', partitionData: list(10, (index) => ({ index, records: Buffer.alloc(16384, index) })) },
      ],
    },
  },
  {
    name: 'Produce v9, one partition of 200 B',
    type: protocol.produceRequest,
    version: 9,
    message: {
      acks: 1,
      timeoutMs: 30000,
      topicData: [{ name: 'orders', partitionData: [{ index: 0, records: Buffer.alloc(200) }] }],
    },
  },
  {
    name: 'Produce response v9, 10 partitions',
    type: protocol.produceResponse,
    version: 9,
    message: {
      responses: [
        {
          name: 'orders',
          partitionResponses: list(10, (index) => ({
            index,
            baseOffset: BigInt(index) * 1_000_003n,
            logStartOffset: 0n,
          })),
        },
      ],
    },
  },
  {
    name: 'Fetch request v15, 100 partitions',
    type: protocol.fetchRequest,
    version: 15,
    message: {
      maxWaitMs: 500,
      minBytes: 1,
      topics: list(10, (topic) => ({
        topicId: uuid(topic),
        partitions: list(10, (partition) => ({
          partition,
          currentLeaderEpoch: 7,
          fetchOffset: BigInt(partition) * 1_000_003n + 17n,
          partitionMaxBytes: 1048576,
        })),
      })),
    },
  },
  {
    name: 'Fetch response v15, 100 partitions, 10 of 16 KiB',
    type: protocol.fetchResponse,
    version: 15,
    message: {
      responses: list(10, (topic) => ({
        topicId: uuid(topic),
        partitions: list(10, (partitionIndex) => ({
          partitionIndex,
          highWatermark: 1_000_017n,
          lastStableOffset: 1_000_017n,
          logStartOffset: 0n,
          abortedTransactions: null,
          records: partitionIndex === 3 ? Buffer.alloc(16384) : Buffer.alloc(0),
        })),
      })),
    },
  },
  {
    name: 'Metadata response v12, 1000 partitions',
    type: protocol.metadataResponse,
    version: 12,
    message: {
      brokers: list(3, (nodeId) => ({ nodeId, host: `broker-${nodeId}.example.com`, port: 9092, rack: null })),
      clusterId: 'cluster',
      topics: list(100, (topic) => ({
        name: `some-topic-name-${topic}`,
        topicId: uuid(topic),
        partitions: list(10, (partitionIndex) => ({
          partitionIndex,
          leaderId: 1,
          leaderEpoch: 12,
          replicaNodes: [1, 2, 3],
          isrNodes: [1, 2, 3],
        })),
      })),
    },
  },
  {
    name: 'LeaderAndIsr v7, 1000 partitions',
    type: protocol.leaderAndIsrRequest,
    version: 7,
    message: {
      controllerId: 1,
      controllerEpoch: 5,
      brokerEpoch: 123456789n,
      topicStates: list(100, (topic) => ({
        topicName: `some-topic-name-${topic}`,
        topicId: uuid(topic),
        partitionStates: list(10, (partitionIndex) => ({
          partitionIndex,
          controllerEpoch: 5,
          leader: 1,
          leaderEpoch: 12,
          isr: [1, 2, 3],
          partitionEpoch: 20,
          replicas: [1, 2, 3],
        })),
      })),
      liveLeaders: list(3, (brokerId) => ({ brokerId, hostName: `broker-${brokerId}.example.com`, port: 9092 })),
    },
  },
];

console.log(
  `${'message'.padEnd(52)}${'bytes'.padStart(8)}  ${'direction'.padEnd(10)}${'MB/s'.padStart(9)}${'messages/s'.padStart(13)}`,
);
for (const { name, type, version, message } of CASES) {
  const bytes = type.encode(message, version);
  const decoded = type.decode(bytes, version);
  report(name, bytes.length, 'decode', () => type.decode(bytes, version));
  report(name, bytes.length, 'encode', () => type.encodeChunks(decoded, version));
}

function report(name, size, direction, run) {
  measure(run, SECONDS / 4);
  const perSecond = measure(run, SECONDS);
  const megabytes = (perSecond * size) / 1e6;
  console.log(
    `${name.padEnd(52)}${String(size).padStart(8)}  ${direction.padEnd(10)}${megabytes.toFixed(0).padStart(9)}${perSecond.toFixed(0).padStart(13)}`,
  );
}

function measure(run, seconds) {
  const start = performance.now();
  let count = 0;
  let now = start;
  while (now < start + seconds * 1000) {
    for (let i = 0; i < 16; i++) run();
    count += 16;
    now = performance.now();
  }
  return count / ((now - start) / 1000);
}
