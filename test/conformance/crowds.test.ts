/**
 * Crowds on real sockets: thousands of clients that never finish a frame, memory full of requests that wait, consumers that do not read.
 * Whoever behaves beside them is served, and the log has each record once.
 */
import { nodeTransport, type Connection } from '../../src/common/index.js';
import type { NetworkClient } from '../../src/network/index.js';
import {
  ApiKey,
  decodeResponseFrame,
  encodeRequestFrame,
  type FetchResponse,
  type MetadataResponse,
  type ProduceResponse,
} from '../../src/protocol/index.js';
import { BatchBuilder, iterateBatches } from '../../src/records/index.js';
import { eventually } from '../support/eventually.js';
import { startOneBroker, type OneBroker } from './support/one-broker.js';

const MIB = 1024 * 1024;
const TOPIC = 't';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(properties: Readonly<Record<string, string>> = {}): Promise<OneBroker> {
  const one = await startOneBroker({ 'controlled.shutdown.enable': 'false', ...properties });
  cleanups.push(() => one.stop());
  await one.client('admin').send(ApiKey.CreateTopics, 5, {
    timeoutMs: 10_000,
    topics: [{ name: TOPIC, numPartitions: 1, replicationFactor: 1 }],
  });
  return one;
}

/** A connection that sends these bytes, and what has become of it. */
interface RawClient {
  readonly connection: Connection;
  isOpen: boolean;
  isClosed: boolean;
  answer: Buffer;
}

function raw(one: OneBroker, bytes: readonly Buffer[]): RawClient {
  const client: RawClient = {
    isOpen: false,
    isClosed: false,
    answer: Buffer.alloc(0),
    connection: nodeTransport.connect(
      { host: '127.0.0.1', port: one.port },
      {
        onOpen: () => {
          client.isOpen = true;
          client.connection.write(bytes);
        },
        onData: (data) => (client.answer = Buffer.concat([client.answer, data])),
        onClose: () => (client.isClosed = true),
      },
    ),
  };
  const { connection } = client;
  cleanups.push(() => connection.destroy());
  return client;
}

function produceBody(valueBytes: number, id = 0): object {
  const builder = new BatchBuilder({});
  const value = Buffer.alloc(valueBytes, 'x');
  value.writeInt32BE(id);
  builder.append({ timestamp: 1_700_000_000_000, key: null, value });
  return {
    acks: id % 2 === 0 ? 1 : -1,
    timeoutMs: 30_000,
    transactionalId: null,
    topicData: [{ name: TOPIC, partitionData: [{ index: 0, records: builder.build() }] }],
  };
}

function fetchBody(
  offset: bigint,
  what: { minBytes?: number; maxWaitMs?: number; maxBytes?: number; rackId?: string },
): object {
  const { minBytes = 1, maxWaitMs = 0, maxBytes = 50 * MIB, rackId = '' } = what;
  const partition = {
    partition: 0,
    currentLeaderEpoch: -1,
    fetchOffset: offset,
    lastFetchedEpoch: -1,
    logStartOffset: -1n,
  };
  return {
    replicaId: -1,
    maxWaitMs,
    minBytes,
    maxBytes,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    rackId,
    forgottenTopicsData: [],
    topics: [{ topic: TOPIC, partitions: [{ ...partition, partitionMaxBytes: maxBytes }] }],
  };
}

function recordsOf(answer: FetchResponse): Buffer {
  const { records } = answer.responses[0]!.partitions[0]!;
  return Buffer.isBuffer(records) ? records : Buffer.concat(records ?? []);
}

/** The base offsets of all batches, as a consumer meets them. */
async function readAll(client: NetworkClient): Promise<number[]> {
  const bases: number[] = [];
  for (let at = 0n; ;) {
    let next = at;
    for (const batch of iterateBatches(
      recordsOf(await client.send<FetchResponse>(ApiKey.Fetch, 11, fetchBody(at, {}))),
    )) {
      bases.push(batch.baseOffset);
      next = BigInt(batch.nextOffset);
    }
    if (next === at) return bases;
    at = next;
  }
}

test('4,200 clients that never finish a frame, a thousand of them with most of it sent, keep no one else from being served', async () => {
  const one = await start();
  const halves = Array.from({ length: 4200 }, (_, i) => {
    const head = Buffer.alloc(i % 4 === 0 ? 50_000 : 5, 0x7f);
    head.writeInt32BE(64 * 1024);
    return raw(one, [head]);
  });
  await eventually(() => halves.every(({ isOpen }) => isOpen));
  for (const { connection } of halves) connection.write([Buffer.alloc(1)]);
  const client = one.client('honest');
  for (const [offset, bytes] of [2000, 60_000].entries()) {
    const answer = await client.send<ProduceResponse>(ApiKey.Produce, 9, produceBody(bytes));
    expect(answer.responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: BigInt(offset) });
  }
}, 60_000);

test('1,500 producers at once are answered beside fetches that would fill the memory, and no offset stands twice', async () => {
  const PRODUCERS = 1500;
  const one = await start({ 'socket.request.max.bytes': '4194304', 'queued.max.request.bytes': '4194304' });
  const filler = 'r'.repeat(30_000);
  const waiting = Array.from({ length: 80 }, () =>
    raw(
      one,
      encodeRequestFrame(
        ApiKey.Fetch,
        11,
        0,
        filler,
        fetchBody(0n, { minBytes: 50 * MIB, maxWaitMs: 20_000, maxBytes: 1, rackId: filler }),
      ),
    ),
  );
  await eventually(() => waiting.every(({ isOpen }) => isOpen));
  const producers = Array.from({ length: PRODUCERS }, (_, i) =>
    raw(one, encodeRequestFrame(ApiKey.Produce, 9, i, 'p', produceBody(60_000, i))),
  );
  await eventually(() => producers.every(({ answer }) => answer.length > 0), { timeoutMs: 50_000 });
  const errors = producers.map(
    ({ answer }) => decodeResponseFrame(ApiKey.Produce, 9, answer.subarray(4)).body as ProduceResponse,
  );
  const offsets = errors.map(({ responses }) => Number(responses[0]!.partitionResponses[0]!.baseOffset));
  const expected = Array.from({ length: PRODUCERS }, (_, i) => i);
  expect(offsets.sort((a, b) => a - b)).toEqual(expected);
  expect(await readAll(one.client('reader'))).toEqual(expected);
  expect(waiting.some(({ isClosed }) => isClosed)).toBe(false);
  expect(one.complaints.filter((line) => !line.startsWith('No meta.properties'))).toEqual([]);
}, 90_000);

test('consumers that do not read what they fetched leave a quick one megabytes at a time', async () => {
  const one = await start();
  const client = one.client('quick');
  for (let i = 0; i < 24; i++) await client.send(ApiKey.Produce, 9, produceBody(MIB - 1000));
  const fetch = encodeRequestFrame(ApiKey.Fetch, 11, 0, 'slow', fetchBody(0n, {}));
  const slow = Array.from({ length: 3 }, () => {
    const each = raw(one, fetch);
    each.connection.pause();
    return each;
  });
  await eventually(() => slow.every(({ isOpen }) => isOpen));
  const quick = (): Promise<FetchResponse> => client.send<FetchResponse>(ApiKey.Fetch, 11, fetchBody(0n, {}));
  // Until all three have got what they do not read, and still then.
  for (let round = 0; round < 10; round++) expect(recordsOf(await quick()).length).toBeGreaterThan(4 * MIB);
  expect(slow.some(({ isClosed }) => isClosed)).toBe(false);
}, 60_000);

test('a crowd that does not read what it fetched costs no one else the Metadata of thousands of partitions', async () => {
  const PARTITIONS = 3000;
  const one = await start();
  const client = one.client('honest');
  for (let i = 0; i < 3; i++) await client.send(ApiKey.Produce, 9, produceBody(MIB - 1000));
  const many = { name: 'many', numPartitions: PARTITIONS, replicationFactor: 1 };
  await client.send(ApiKey.CreateTopics, 5, { timeoutMs: 20_000, topics: [many] });
  const described = async (): Promise<number> => {
    const { topics } = await client.send<MetadataResponse>(ApiKey.Metadata, 9, { topics: null });
    return topics.find(({ name }) => name === 'many')?.partitions.length ?? 0;
  };
  await eventually(async () => (await described()) === PARTITIONS, { timeoutMs: 20_000 });
  const fetch = encodeRequestFrame(ApiKey.Fetch, 11, 0, 'slow', fetchBody(0n, {}));
  const slow = Array.from({ length: 250 }, () => {
    // Several, since the kernel takes some of them.
    const each = raw(one, Array.from({ length: 8 }, () => fetch).flat());
    each.connection.pause();
    return each;
  });
  // Each fetch gets a batch of a megabyte: more than there is for all of them.
  await eventually(() => one.metrics.snapshot().get('unread-answer-bytes')! > 120 * MIB, { timeoutMs: 20_000 });
  for (let round = 0; round < 5; round++) expect(await described()).toBe(PARTITIONS);
  expect(one.metrics.snapshot().get('unread-answer-bytes')).toBeLessThan(136 * MIB);
  expect(slow.some(({ isClosed }) => isClosed)).toBe(false);
}, 90_000);
