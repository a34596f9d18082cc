// What single clients, and crowds of them, do to the others: requests whose work is out of proportion, bombs, half frames, full memory.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const MEBIBYTE = 1024 ** 2;
const EMPTY_ENTRIES = 1_700_000;
const BOMBS = 20;
const LIES = 6;
const HALF_FRAMES = 4200;
const HALF_FRAMES_FOR_MS = 12_000;
const WAITING_FETCHES = 80;
const PRODUCERS = 1500;
const PIPELINED = 434;
const CROWD = 200;
const CROWD_PIPELINED = 5;
/** Not that of the client whose Produce is watched. */
const CROWD_ADDRESS = '127.0.0.2';
const FETCHES_OF_MANY = 1500;
const DEADLINE_MS = 120_000;

/** Each a name, and what is to be done; what takes the client long is done before. `topic` has 20 partitions that the broker leads. */
export function clientCases(wire, { port, topic }) {
  const produce = (partitions, records) => ({
    acks: 1,
    timeoutMs: 30_000,
    transactionalId: null,
    topicData: [{ name: topic, partitionData: Array.from({ length: partitions }, (_, index) => ({ index, records })) }],
  });
  const framesOf = (apiKey, version, body, clientId = 'bench') =>
    wire.encodeRequestFrame(apiKey, version, 1, clientId, body);
  const recordsOf = (options, value) => {
    const builder = new wire.BatchBuilder({ initialCapacity: 1024, ...options });
    builder.append({ timestamp: Date.now(), key: null, value });
    return builder.build();
  };
  const bomb = (compression) =>
    framesOf(wire.ApiKey.Produce, 9, produce(BOMBS, recordsOf({ compression }, Buffer.alloc(100 * MEBIBYTE))));
  const entries = emptyEntries();
  const bombs = { gzip: bomb('gzip'), zstd: bomb('zstd') };
  const lie = framesOf(wire.ApiKey.Produce, 9, produce(LIES, lyingBatch(recordsOf({}, Buffer.alloc(10)))));
  const small = framesOf(wire.ApiKey.Produce, 9, produce(1, recordsOf({}, Buffer.alloc(60_000))));
  const zeros = framesOf(
    wire.ApiKey.Produce,
    9,
    produce(1, recordsOf({ compression: 'zstd' }, Buffer.alloc(1_000_000))),
  );
  const names = framesOf(wire.ApiKey.Metadata, 9, {
    allowAutoTopicCreation: false,
    topics: Array.from({ length: 300_000 }, (_, at) => ({ name: `n${at}` })),
  });
  const fetchOfMany = framesOf(wire.ApiKey.Fetch, 11, {
    replicaId: -1,
    maxWaitMs: 3000,
    minBytes: MEBIBYTE,
    maxBytes: MEBIBYTE,
    sessionEpoch: -1,
    topics: [
      {
        topic,
        partitions: Array.from({ length: 500 }, (_, at) => ({ partition: at > 0 ? 1e6 + at : 0, fetchOffset: 0n })),
      },
    ],
  });
  const waitingFetch = framesOf(wire.ApiKey.Fetch, 11, {
    replicaId: -1,
    maxWaitMs: 5000,
    minBytes: 50 * MEBIBYTE,
    maxBytes: 50 * MEBIBYTE,
    sessionEpoch: -1,
    rackId: 'r'.repeat(30_000),
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 8 * MEBIBYTE }] }],
  });
  return [
    [`one Produce of ${EMPTY_ENTRIES} empty entries, 10 MB`, () => ask(port, entries)],
    ['one Metadata of 300,000 names', () => ask(port, names)],
    [`one Produce of ${BOMBS} batches that unpack to 100 MiB each: gzip`, () => ask(port, bombs.gzip)],
    [`one Produce of ${BOMBS} batches that unpack to 100 MiB each: zstd`, () => ask(port, bombs.zstd)],
    [`one Produce of ${LIES} zstd batches that state 1 MB and hold 640`, () => ask(port, lie)],
    [`${PIPELINED} Produces of 151 bytes, 1 MB each, in one write`, () => ask(port, zeros, PIPELINED)],
    [
      `${CROWD} connections of another address, ${CROWD_PIPELINED} of these each`,
      () => Promise.all(Array.from({ length: CROWD }, () => ask(port, zeros, CROWD_PIPELINED, CROWD_ADDRESS))),
    ],
    [
      `${FETCHES_OF_MANY} fetches of 500 partitions that wait for three seconds`,
      () => Promise.all(Array.from({ length: FETCHES_OF_MANY }, () => ask(port, fetchOfMany, 1, CROWD_ADDRESS))),
    ],
    [`${HALF_FRAMES} clients that never finish a small frame`, () => halfFrames(port)],
    [
      `memory filled by waiting fetches, then ${PRODUCERS} producers at once`,
      async () => {
        const waiting = Array.from({ length: WAITING_FETCHES }, () => ask(port, waitingFetch, 1, CROWD_ADDRESS));
        await sleep(500);
        const answered = await Promise.all(Array.from({ length: PRODUCERS }, () => ask(port, small, 1, CROWD_ADDRESS)));
        const missing = answered.filter((isAnswered) => !isAnswered).length;
        if (missing > 0) throw new Error(`${missing} of ${PRODUCERS} producers were not answered`);
        await Promise.all(waiting);
      },
    ],
  ];
}

/** Sends a request, or that many in one write. True when the answers came whole, false when the connection ended before. */
function ask(port, chunks, times = 1, localAddress = '127.0.0.1') {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error('neither an answer nor the end of the connection'));
    }, DEADLINE_MS);
    let left = times;
    let missing = 0;
    let head = Buffer.alloc(0);
    const end = (isAnswered) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isAnswered);
    };
    socket.on('data', (bytes) => {
      for (let at = 0; at < bytes.length;) {
        if (missing === 0) {
          const part = bytes.subarray(at, at + 4 - head.length);
          head = Buffer.concat([head, part]);
          at += part.length;
          if (head.length < 4) return;
          missing = head.readInt32BE(0);
          head = Buffer.alloc(0);
        }
        const taken = Math.min(missing, bytes.length - at);
        missing -= taken;
        at += taken;
        if (missing === 0 && --left === 0) return end(true);
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => end(false));
    const request = chunks.length > 1 || times > 1 ? Buffer.concat(chunks) : chunks[0];
    socket.write(times > 1 ? Buffer.concat(Array(times).fill(request)) : request);
  });
}

/** Each sends five bytes of 64 KiB, and one more every four seconds. */
async function halfFrames(port) {
  const sockets = [];
  const head = Buffer.alloc(5);
  head.writeInt32BE(64 * 1024);
  for (let i = 0; i < HALF_FRAMES; i++) {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    socket.write(head);
    sockets.push(socket);
    if (i % 200 === 0) await sleep(10);
  }
  const trickle = setInterval(() => sockets.forEach((socket) => socket.write(Buffer.alloc(1))), 4000);
  await sleep(HALF_FRAMES_FOR_MS);
  clearInterval(trickle);
  for (const socket of sockets) socket.destroy();
}

/** Produce 9, acks 1, of one topic `x` that is not there; each entry is partition 0, no bytes of records, no tags. */
function emptyEntries() {
  const count = EMPTY_ENTRIES + 1;
  const varint = [];
  let rest = count;
  for (; rest > 127; rest >>>= 7) varint.push((rest & 127) | 128);
  varint.push(rest);
  const head = Buffer.from([0, 0, 0, 9, 0, 0, 0, 1, 0, 1, 65, 0, 0, 0, 1, 0, 0, 3, 232, 2, 2, 120, ...varint]);
  const body = Buffer.alloc(EMPTY_ENTRIES * 6);
  for (let i = 0; i < EMPTY_ENTRIES; i++) body[i * 6 + 4] = 1;
  const tail = Buffer.from([0, 0]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(head.length + body.length + tail.length);
  return [length, head, body, tail];
}

/** The batch with records of a zstd frame that states 1,000,000 bytes and has 40,000 blocks of 16 KiB, each one byte repeated. */
function lyingBatch(batch) {
  const [blocks, blockBytes] = [40_000, 16 * 1024];
  const header = Buffer.alloc(10);
  header.writeUInt32LE(0xfd2fb528, 0);
  header[4] = 0x80;
  header[5] = 0x38;
  header.writeUInt32LE(1_000_000, 6);
  const block = (last) => {
    const bytes = Buffer.alloc(4, 65);
    bytes.writeUIntLE((blockBytes << 3) | (1 << 1) | last, 0, 3);
    return bytes;
  };
  const overhead = 61;
  const data = Buffer.concat([
    batch.subarray(0, overhead),
    header,
    ...Array.from({ length: blocks - 1 }, () => block(0)),
    block(1),
  ]);
  data.writeInt32BE(data.length - 12, 8);
  data.writeInt16BE(4, 21);
  // Its sum is right: otherwise nobody would unpack it.
  data.writeUInt32BE(crc32c(data.subarray(21)), 17);
  return data;
}

const CRC_TABLE = Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

function crc32c(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
