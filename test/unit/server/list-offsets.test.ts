import { settle, SimulatedClock } from '../../../src/testing/index.js';
import type { Request } from '../../../src/network/index.js';
import { ApiKey, decodeResponseFrame, ErrorCode, type ListOffsetsResponse } from '../../../src/protocol/index.js';
import { listOffsets } from '../../../src/server/handlers/list-offsets.js';
import type { OffsetQuery } from '../../../src/replication/index.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import type { BrokerServices } from '../../../src/server/services.js';
import { call, type Outcome } from './request-call.js';
import { frameOf, requestOf } from './request-of.js';

interface Found {
  readonly errorCode: number;
  readonly offset?: number;
}

/** Sends ListOffsets for partitions 0 to n - 1 of two topics; `find` is the replica manager. */
function send(n: number, version: number, find: (partition: number, query: OffsetQuery) => Promise<Found>) {
  const partitions = Array.from({ length: n }, (_, partitionIndex) => ({ partitionIndex, timestamp: 1n }));
  const body = { replicaId: -1, topics: ['a', 'b'].map((name) => ({ name, partitions })) };
  const frame = frameOf(ApiKey.ListOffsets, version, body);
  const sent: { response: ListOffsetsResponse | null } = { response: null };
  const request = requestOf(frame, {
    answered: (_request, chunks) => {
      if (!chunks) return;
      const answer = decodeResponseFrame(ApiKey.ListOffsets, version, Buffer.concat(chunks).subarray(4));
      sent.response = answer.body as ListOffsetsResponse;
    },
  });
  const clock = new SimulatedClock();
  const services = {
    authorizer: { authorize: () => true },
    quotas: { recordAndThrottleMs: () => 0 },
    clock,
    largeRequests: new LargeRequests(clock, 1e9),
    replicas: {
      fetchOffsetForTimestamp: async (
        { partition }: { partition: number },
        _timestamp: number,
        query: OffsetQuery,
      ) => ({
        timestamp: -1,
        offset: -1,
        leaderEpoch: -1,
        ...(await find(partition, query)),
      }),
    },
  };
  listOffsets.handle(request, services as unknown as BrokerServices);
  return { sent, clock, request };
}

test('thousands of partitions are searched a few at a time, and answered in their order', async () => {
  const waiting: (() => void)[] = [];
  let most = 0;
  const { sent, clock } = send(500, 7, async (partition) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return { errorCode: 0, offset: partition };
  });
  while (sent.response === null) {
    await settle();
    most = Math.max(most, waiting.length);
    expect(most).toBeGreaterThan(0);
    for (const resolve of waiting.splice(0).reverse()) resolve();
    await clock.advance(0);
  }
  expect(most).toBe(16);
  for (const { partitions } of sent.response.topics) {
    expect(partitions.map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)])).toEqual(
      Array.from({ length: 500 }, (_, partition) => [partition, partition]),
    );
  }
});

test('others have their turn while thousands of partitions are answered from memory', async () => {
  let found = 0;
  const { sent, clock } = send(500, 7, () => Promise.resolve({ errorCode: 0, offset: found++ }));
  await Promise.resolve();
  let foundInTurn = 0;
  clock.defer(() => (foundInTurn = found));
  for (let i = 0; i < 20 && sent.response === null; i++) await clock.advance(0);
  expect(sent.response).not.toBeNull();
  expect(foundInTurn).toBeLessThanOrEqual(200);
});

test.each([
  { version: 4, error: ErrorCode.LEADER_NOT_AVAILABLE },
  { version: 5, error: ErrorCode.OFFSET_NOT_AVAILABLE },
])('an end that is not settled yet is error $error in version $version', async ({ version, error }) => {
  const { sent } = send(1, version, () => Promise.resolve({ errorCode: ErrorCode.OFFSET_NOT_AVAILABLE }));
  await settle();
  expect(sent.response!.topics[0]!.partitions[0]!.errorCode).toBe(error);
});

test('nothing more is searched for a client that has gone', async () => {
  const searches: OffsetQuery[] = [];
  const waiting: (() => void)[] = [];
  const { sent, clock, request } = send(100, 7, async (_partition, query) => {
    searches.push(query);
    await new Promise<void>((resolve) => waiting.push(resolve));
    return { errorCode: 0, offset: 0 };
  });
  await settle();
  waiting.shift()!();
  await settle();
  expect(searches.map(({ searcher }) => searcher!.interest!.isOver)).toEqual(Array<boolean>(17).fill(false));
  let hasEnded = false;
  request.onEnded = () => (hasEnded = true);
  request.abandon();
  expect(hasEnded).toBe(true);
  expect(searches.slice(1).map(({ searcher }) => searcher!.interest!.isOver)).toEqual(Array<boolean>(16).fill(true));
  expect(searches[1]!.searcher!.address).toBe('127.0.0.1');
  for (const resolve of waiting) resolve();
  await settle();
  await clock.advance(1);
  await settle();
  expect([searches.length, sent.response]).toEqual([17, null]);
});

test('version 0 tells of no more segments than an answer is to hold, however often a log is named', async () => {
  const segments = Array.from({ length: 60_000 }, (_, baseOffset) => ({ baseOffset, sizeInBytes: 1 }));
  const log = { segments, logStartOffset: 0, logEndOffset: 60_000, highWatermark: 60_000 };
  const partition = { partitionIndex: 0, timestamp: -1n, maxNumOffsets: 2_147_483_647 };
  const clock = new SimulatedClock();
  const outcome = await call({
    apiKey: ApiKey.ListOffsets,
    version: 0,
    body: { replicaId: -1, topics: [{ name: 'a', partitions: [partition, partition, partition] }] },
    services: { replicas: { partitionOrError: () => ({ localLog: () => log }) }, clock },
  });
  for (let turn = 0; turn < 1000 && outcome.answer === null; turn++) await clock.advance(1);
  const [topic] = (outcome.answer as ListOffsetsResponse).topics;
  expect(topic!.partitions.map(({ oldStyleOffsets }) => oldStyleOffsets.length)).toEqual([60_001, 39_999, 0]);
});

/** A log of so many segments, all written late. */
function writtenLog(count: number, onLook: () => void) {
  const file = {
    get lastWrittenMs(): number {
      onLook();
      return 1_000_000;
    },
  };
  const segments = Array.from({ length: count }, (_, baseOffset) => ({ baseOffset, sizeInBytes: 1, file }));
  return { segments, logStartOffset: 0, logEndOffset: count, highWatermark: count };
}

const LEGACY_PARTITION = { partitionIndex: 0, timestamp: 10n, maxNumOffsets: 10 };

/** Version 0, for one partition that is named twice. */
function askTwice(log: object, clock: SimulatedClock, onRequest?: (request: Request) => void): Promise<Outcome> {
  return call({
    apiKey: ApiKey.ListOffsets,
    version: 0,
    body: { replicaId: -1, topics: [{ name: 'a', partitions: [LEGACY_PARTITION, LEGACY_PARTITION] }] },
    services: { replicas: { partitionOrError: () => ({ localLog: () => log }) }, clock },
    onRequest,
  });
}

test('others have their turn while version 0 goes through logs of thousands of segments', async () => {
  let looks = 0;
  const log = writtenLog(10_000, () => looks++);
  const clock = new SimulatedClock();
  const outcome = await askTwice(log, clock);
  const turns: number[] = [looks];
  while (outcome.answer === null && clock.step()) turns.push(looks - turns.reduce((sum, count) => sum + count));
  expect(looks).toBe(20_000);
  expect(Math.max(...turns)).toBeLessThan(10_000);
});

test('version 0 looks at nothing more for a client that has gone', async () => {
  let looks = 0;
  let gone: Request | null = null;
  const log = writtenLog(10_000, () => looks++);
  const clock = new SimulatedClock();
  const outcome = await askTwice(log, clock, (request) => (gone = request));
  gone!.abandon();
  expect(gone!.isEnded).toBe(true);
  while (clock.step());
  await settle();
  expect(looks).toBe(10_000);
  expect(outcome).toMatchObject({ answer: null, closed: null });
});

test('version 0 tells of no log that another leads by the time it was gone through', async () => {
  const error = { code: 0 };
  const log = writtenLog(10_000, () => (error.code = ErrorCode.NOT_LEADER_OR_FOLLOWER));
  const clock = new SimulatedClock();
  const outcome = await call({
    apiKey: ApiKey.ListOffsets,
    version: 0,
    body: { replicaId: -1, topics: [{ name: 'a', partitions: [LEGACY_PARTITION] }] },
    services: { replicas: { partitionOrError: () => ({ localLog: () => error.code || log }) }, clock },
  });
  while (outcome.answer === null && clock.step());
  const [topic] = (outcome.answer as ListOffsetsResponse).topics;
  expect(topic!.partitions).toMatchObject([{ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, oldStyleOffsets: [] }]);
});
