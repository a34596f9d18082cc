/**
 * What a broker must endure of its clients: after everything that is done to it here it serves another client as before, its memory
 * stays bounded, every connection ends or is answered, and its log does not grow with the flood.
 */
import net from 'node:net';
import zlib from 'node:zlib';
import { seededRandom, ZERO_UUID } from '../../src/common/index.js';
import {
  ApiKey,
  decodeResponseFrame,
  encodeRequestFrame,
  ErrorCode,
  errorName,
  type ProduceResponse,
} from '../../src/protocol/index.js';
import { BatchBuilder, BatchView, compress, compressionIdOf, RECORD_BATCH_OVERHEAD } from '../../src/records/index.js';
import type { BrokerProcess } from './support/broker-process.js';
import { openDescriptors, peakResidentBytes, residentBytes, Witness } from './support/broker-vitals.js';
import { API_HANDLERS } from '../../src/server/index.js';
import { eventually, pause } from '../support/eventually.js';
import { vastRequests } from '../support/vast-requests.js';
import { filledRequests, framed, mutated, realRequests } from './support/hostile-frames.js';
import { OttlaCluster } from './support/ottla-cluster.js';
import { ask, WireClient } from './support/wire-client.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
const MEBIBYTE = 1024 * 1024;
/** Requests may hold 64 MiB and one frame of 100 MiB, a batch may unpack to 128 MiB, and the broker itself needs the rest. */
const MAX_RESIDENT_BYTES = 450 * MEBIBYTE;
const IDLE_MS = 5_000;
const SEED = Number(process.env['OTTLA_TEST_SEED'] ?? 1);

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
type Codec = (typeof CODECS)[number];

const describeWithJava = describeIfJava('hostile input to a broker needs Java for ZooKeeper.');

describeWithJava('a broker under hostile input', () => {
  let cluster: OttlaCluster;
  let broker: BrokerProcess;
  let witness: Witness;
  const bombs = new Map<Codec, Buffer>();
  let linesBefore: number;
  let descriptorsBefore: number;

  beforeAll(async () => {
    // First, since it takes longer than a client may be silent.
    for (const codec of CODECS) bombs.set(codec, recordsOf(codec, bombOf(codec)));
    cluster = await OttlaCluster.start({ brokers: 1, properties: { 'connections.max.idle.ms': IDLE_MS } });
    broker = cluster.broker(1);
    await cluster.createTopic('witness', 1, 1);
    witness = await Witness.start(broker, 'witness');
    await ask(broker.port, ApiKey.FindCoordinator, 0, { key: 'any' });
    linesBefore = logLines();
    descriptorsBefore = openDescriptors(broker.pid!);
  }, MINUTES);

  afterAll(async () => {
    await cluster?.stop();
  }, MINUTES);

  afterEach(async () => {
    if (!broker.isRunning) return;
    await witness.untilServed();
    expect(residentBytes(broker.pid!)).toBeLessThan(MAX_RESIDENT_BYTES);
  }, MINUTES);

  const logLines = (): number => broker.log().split('\n').length;

  /** All bytes are written and our side is closed: what cannot be answered any more must end. */
  async function sendAndLeave(bytes: Buffer): Promise<void> {
    const client = await WireClient.connect(broker.port);
    client.socket.end(bytes);
    // What is answered must be read, or the end does not come.
    await within(client.closed, `the connection to end after ${bytes.subarray(0, 60).toString('hex')}…`);
  }

  async function within<T>(promise: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), 30_000);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }

  async function inParallel<T>(items: readonly T[], width: number, act: (item: T) => Promise<void>): Promise<void> {
    const left = [...items];
    const worker = async (): Promise<void> => {
      for (let item = left.pop(); item !== undefined; item = left.pop()) await act(item);
    };
    await Promise.all(Array.from({ length: width }, worker));
  }

  const untilDescriptorsAreBack = (): Promise<unknown> =>
    eventually(() => openDescriptors(broker.pid!) <= descriptorsBefore + 40, { what: 'descriptors to be given back' });

  test(
    'mutated requests of real clients are answered or cost the connection',
    async () => {
      const random = seededRandom(SEED);
      const requests = realRequests();
      const frames = Array.from({ length: 3_000 }, () => {
        const bytes = framed(mutated(random, requests[random.nextInt(requests.length)]!));
        // One in ten has a wrong length too.
        if (random.nextInt(10) === 0) bytes.writeInt32BE(bytes.length + random.nextInt(40) - 24, 0);
        return bytes;
      });
      await inParallel(frames, 32, sendAndLeave);
      await untilDescriptorsAreBack();
    },
    2 * MINUTES,
  );

  test(
    'requests of every API and version, filled with odd counts, are answered or cost the connection',
    async () => {
      const requests = [...filledRequests()];
      expect(requests.length).toBeGreaterThan(500);
      await inParallel(requests, 32, async ({ what, request }) => {
        const client = await WireClient.connect(broker.port);
        client.write(framed(request));
        await within(Promise.race([client.nextFrame(60_000), client.closed]), `an answer to ${what}, or the end`);
        await client.close();
      });
      await untilDescriptorsAreBack();
    },
    2 * MINUTES,
  );

  test(
    'requests of thirty thousand elements, in each array of each API, are answered or cost the connection',
    async () => {
      const known = { topic: 'witness', topicId: ZERO_UUID, partitions: 1 };
      let count = 0;
      for (const { api } of API_HANDLERS) {
        if (api.clusterAction) continue;
        // Made one at a time: no client may be silent for as long as all of them take.
        for (const { what, version, body } of vastRequests(api, api.advertised!.max, 30_000, 'distinct', known)) {
          const client = await WireClient.connect(broker.port);
          client.send(api.key, version, body);
          await within(Promise.race([client.nextFrame(), client.closed]), `an answer to ${what}, or the end`);
          await client.close();
          count++;
        }
      }
      expect(count).toBeGreaterThan(20);
      await untilDescriptorsAreBack();
    },
    4 * MINUTES,
  );

  test.each([
    ['a negative length', 'ffffffff'],
    ['the least length there is', '80000000'],
    ['a length of zero', '00000000'],
    ['one byte more than socket.request.max.bytes', '06400001'],
    ['the greatest length there is', '7fffffff'],
    ['a request shorter than its header', '00000004' + '00120000'],
    ['a request of one byte', '00000001' + '00'],
    ['a client id longer than the request', '0000000a' + '00120000' + '00000001' + '7fff'],
    ['the key of no API', '0000000a' + '7fff0000' + '00000001' + 'ffff'],
    ['a negative key', '0000000a' + 'ffff0000' + '00000001' + 'ffff'],
    ['the key of an API of KRaft', '0000000a' + '00370000' + '00000001' + 'ffff'],
    ['a version too high', '0000000a' + '00030063' + '00000001' + 'ffff'],
    ['a negative version', '0000000a' + '0003ffff' + '00000001' + 'ffff'],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: kafka\r\n\r\n').toString('hex')],
    ['the first bytes of TLS', '1603010200010001fc0303' + '00'.repeat(500)],
  ])(
    '%s ends the connection',
    async (what, hex) => {
      const client = await WireClient.connect(broker.port);
      client.write(Buffer.from(hex, 'hex'));
      expect(await within(client.nextFrame(), `the end after ${what}`)).toBeNull();
    },
    MINUTES,
  );

  test(
    'a frame that never becomes whole, a connection that says nothing, and one that was half closed all end',
    async () => {
      const [silent, cut, halfClosed] = await Promise.all([1, 2, 3].map(() => WireClient.connect(broker.port)));
      cut!.write(Buffer.from('00000400' + '0012', 'hex'));
      halfClosed!.write(Buffer.from('00000400' + '0012', 'hex'));
      halfClosed!.socket.end();
      await within(Promise.all([silent!.closed, cut!.closed, halfClosed!.closed]), 'idle connections to end');
    },
    MINUTES,
  );

  test.each(CODECS)(
    'a %s batch that holds, or says it holds, far more than it is, is refused',
    async (codec) => {
      for (const records of [bombs.get(codec)!, recordsOf(codec, seededRandom(SEED).nextBytes(2_000))]) {
        const answer = await produce(records);
        // Kafka has no code for what cannot be unpacked, and no bound for what can.
        expect(['UNKNOWN_SERVER_ERROR', 'CORRUPT_MESSAGE', 'INVALID_RECORD', 'MESSAGE_TOO_LARGE']).toContain(
          errorName(answer.responses[0]!.partitionResponses[0]!.errorCode),
        );
      }
    },
    MINUTES,
  );

  test(
    'forty clients that announce 100 MB each and send slowly do not keep others from being served',
    async () => {
      const clients = await Promise.all(Array.from({ length: 40 }, () => WireClient.connect(broker.port)));
      const announced = Buffer.alloc(8);
      announced.writeInt32BE(100 * MEBIBYTE, 0);
      const piece = Buffer.alloc(64 * 1024);
      let sending = true;
      const senders = clients.map(async (client) => {
        client.write(announced);
        let draining: Promise<void> | null = null;
        while (sending && !client.isClosed) {
          client.write(piece);
          if (client.socket.writableNeedDrain) {
            draining ??= drained(client.socket).then(() => void (draining = null));
            await Promise.race([draining, client.closed, pause(200)]);
          } else await pause(5);
        }
      });
      // Long enough for much more than the server's memory to have been offered.
      await eventually(() => clients.reduce((sum, { socket }) => sum + socket.bytesWritten, 0) > 100 * MEBIBYTE, {
        timeoutMs: MINUTES,
      });
      await witness.untilServed(100);
      await expect(produce(bigRecords(900_000))).resolves.toMatchObject({
        responses: [{ partitionResponses: [{ errorCode: ErrorCode.NONE }] }],
      });
      sending = false;
      await Promise.all(senders);
      await Promise.all(clients.map((client) => client.close()));
      await untilDescriptorsAreBack();
      // The memory they held is there for others: a large request needs it.
      await produce(bigRecords(900_000));
    },
    2 * MINUTES,
  );

  test(
    'four hundred clients that send a request byte by byte are all answered, and others meanwhile',
    async () => {
      const request = Buffer.concat(encodeRequestFrame(ApiKey.Metadata, 9, 7, 'slow', { topics: [] }));
      const clients = await Promise.all(Array.from({ length: 400 }, () => WireClient.connect(broker.port)));
      for (const byte of request) {
        for (const client of clients) client.write(Buffer.from([byte]));
        await witness.untilServed(1);
      }
      for (const client of clients) {
        const frame = await client.nextFrame();
        expect(decodeResponseFrame(ApiKey.Metadata, 9, frame!).correlationId).toBe(7);
        await client.close();
      }
      await untilDescriptorsAreBack();
    },
    2 * MINUTES,
  );

  test(
    'requests without end from a client that does not read: memory is bounded, and all answers come in order in the end',
    async () => {
      const topics = Array.from({ length: 200 }, (_, i) => ({ name: `none-${i}-${'x'.repeat(80)}` }));
      const client = await WireClient.connect(broker.port);
      client.socket.pause();
      let sent = 0;
      const sendOne = (): void =>
        void (client.send(ApiKey.Metadata, 9, { topics, allowAutoTopicCreation: false }), sent++);
      // The broker stops reading when its answers are not taken, so that our own buffer fills.
      while (client.socket.writableLength < 8 * MEBIBYTE) {
        sendOne();
        if (sent % 50 === 0) await witness.untilServed(1);
        if (sent > 20_000) throw new Error('the broker goes on reading though nobody takes its answers');
      }
      await witness.untilServed(50);
      expect(residentBytes(broker.pid!)).toBeLessThan(MAX_RESIDENT_BYTES);
      client.socket.resume();
      for (let correlationId = 1; correlationId <= sent; correlationId++) {
        const frame = await client.nextFrame();
        if (frame?.readInt32BE(0) !== correlationId)
          throw new Error(`${frame?.readInt32BE(0)} instead of ${correlationId}`);
      }
      await client.close();
    },
    2 * MINUTES,
  );

  test(
    'two thousand connections at once, idle ones and ones that ask, and all of them end',
    async () => {
      const clients: WireClient[] = [];
      for (let round = 0; round < 20; round++) {
        clients.push(...(await Promise.all(Array.from({ length: 100 }, () => WireClient.connect(broker.port)))));
      }
      await eventually(() => openDescriptors(broker.pid!) > 2_000, { what: 'all connections to be taken' });
      const asking = clients.filter((_, i) => i % 2 === 0);
      for (const client of asking) client.send(ApiKey.ApiVersions, 0, {});
      for (const client of asking) expect(await client.nextFrame()).not.toBeNull();
      await witness.untilServed();
      // Nobody says anything more.
      await within(Promise.all(clients.map(({ closed }) => closed)), 'idle connections to be closed');
      await untilDescriptorsAreBack();
    },
    2 * MINUTES,
  );

  test(
    'connections that are opened and reset at once leave nothing behind',
    async () => {
      const numbers = Array.from({ length: 2_000 }, (_, i) => i);
      await inParallel(numbers, 50, async () => {
        const socket = net.connect(broker.port, '127.0.0.1');
        socket.on('error', () => undefined);
        await new Promise((resolve) => socket.once('connect', resolve));
        socket.resetAndDestroy();
      });
      await untilDescriptorsAreBack();
    },
    MINUTES,
  );

  test(
    'nothing of it was unexpected, and the log did not grow with the flood',
    async () => {
      await witness.stop();
      const log = broker.log();
      expect(
        log.split('\n').filter((line) => /TypeError|RangeError|Assertion|Unexpected|at .*\.js:/.test(line)),
      ).toEqual([]);
      const lines = logLines() - linesBefore;
      const peak = peakResidentBytes(broker.pid!);
      console.log(
        `Under hostile input the broker wrote ${lines} lines and had at most ${Math.round(peak / MEBIBYTE)} MiB.`,
      );
      expect(lines).toBeLessThan(1_000);
      expect(peak).toBeLessThan(MAX_RESIDENT_BYTES);
      await witness.stop();
      expect(await broker.stop()).toBe(0);
    },
    MINUTES,
  );

  function produce(records: Buffer): Promise<ProduceResponse> {
    const topicData = [{ name: 'witness', partitionData: [{ index: 0, records }] }];
    return ask<ProduceResponse>(broker.port, ApiKey.Produce, 9, { acks: -1, timeoutMs: 10_000, topicData });
  }
});

function bigRecords(bytes: number): Buffer {
  const builder = new BatchBuilder();
  builder.append({ timestamp: Date.now(), value: Buffer.alloc(bytes, 'b') });
  return builder.build();
}

function drained(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.once('drain', resolve));
}

/** Under a megabyte that unpacks to hundreds, or that says so. */
function bombOf(codec: Codec): Buffer {
  switch (codec) {
    case 'gzip':
      return zlib.gzipSync(Buffer.alloc(300 * MEBIBYTE), { level: 1 });
    case 'snappy':
      // The raw format begins with the length of what is unpacked, as a varint.
      return Buffer.from('ffffffff0f' + '00'.repeat(40), 'hex');
    case 'lz4':
      return compress('lz4', Buffer.alloc(200 * MEBIBYTE));
    case 'zstd':
      // Magic, a descriptor with an 8-byte content size, and that size.
      return Buffer.from('28b52ffd' + 'e0' + 'ffffffffffff0f00' + '010000', 'hex');
  }
}

/** A batch of one record, says its header, with these bytes as compressed records and a good checksum. */
function recordsOf(codec: Codec, compressed: Buffer): Buffer {
  const template = new BatchBuilder();
  template.append({ timestamp: Date.now(), value: Buffer.from('x') });
  const header = template.build().subarray(0, RECORD_BATCH_OVERHEAD);
  const bytes = Buffer.concat([header, compressed]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt16BE(compressionIdOf(codec), 21);
  new BatchView(bytes).recomputeCrc();
  return bytes;
}
